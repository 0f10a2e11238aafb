"""Floor 1: an ordered map from bytes to bytes in a folder, shared by threads and processes."""
