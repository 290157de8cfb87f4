"""The verbs of graph: `following` changes, `hearing` takes in what others tell, `reading` and `suggesting` answer.

`recording` tells what a transaction did, to the others and to the adjacency.
"""
