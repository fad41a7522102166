"""Who may do what: hosts, sessions, signing in, forged requests, links for players."""
