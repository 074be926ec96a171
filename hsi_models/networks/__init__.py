"""nn.Modules only: stateless, one model per file."""
