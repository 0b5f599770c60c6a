"""Work that ends: Jobs and what starts them."""
