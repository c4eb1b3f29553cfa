"""Effects that Temporal may repeat: each calls one port, and repeating it changes nothing."""
