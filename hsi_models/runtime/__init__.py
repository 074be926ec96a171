"""How a Siamese network is executed: eager, as CUDA graphs, by ONNX Runtime; one interface, `executor.Executor`."""
