"""The injection-relevant part of the cluster at a moment that has not come yet."""
