"""What the pages and the API say of jobs, and do to them."""
