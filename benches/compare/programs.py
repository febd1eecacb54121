"""What the compared programs are called."""
SAMKIT, ORT, TORCH, CANDLE = "samkit", "ONNX Runtime", "PyTorch", "candle-transformers"
BF16 = "samkit, `precision: bf16`"
