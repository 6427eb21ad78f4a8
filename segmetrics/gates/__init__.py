"""Rules, domain presets, findings and the verdict: no files, no pixels."""
