"""From images to predictions: an ONNX model, any other command, or a folder of given files."""
