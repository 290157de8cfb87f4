"""Each kernel timed in one run beside the best peer that can be installed."""
