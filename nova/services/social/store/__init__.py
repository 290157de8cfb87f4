"""All SQL of social: `reactions` and `threads` read, `tx` writes."""
