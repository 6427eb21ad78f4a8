"""The number of the results format: raised by a release that can change results.

It is part of params.yaml, and of every key by which finished work is reused, so that an upgrade
never silently keeps old results.
"""

FORMAT = 1
