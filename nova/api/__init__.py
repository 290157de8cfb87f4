"""The contract: generated from proto/ by `make api`, never edited."""
