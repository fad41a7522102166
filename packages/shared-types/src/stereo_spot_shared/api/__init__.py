"""What the JSON API under /api/v1 takes and answers: the web server writes these values, the client of the command line reads them."""
