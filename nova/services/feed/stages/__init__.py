"""The stages of a page, one a file, named by its kind: sources give candidates, filters keep or remove them."""
