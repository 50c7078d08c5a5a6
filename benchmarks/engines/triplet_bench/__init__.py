"""What `triplet bench` runs in Python: matrix products, other losses, training steps."""
