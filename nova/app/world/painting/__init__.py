"""The painter's workshop: colours, a canvas, and a painter for each scene. Every stroke follows from one stream."""
