"""The typed face of the Rust kernels, one module a kernel. Nothing else imports `nova._native`."""
