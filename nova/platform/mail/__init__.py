"""Mail: a port with two adapters, an SMTP server's and a folder's."""
