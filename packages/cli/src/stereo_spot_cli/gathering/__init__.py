"""What is made of the records of finished conversions."""
