//! Embeds what the extension was built from, so that Python can refuse a stale or debug build.
//!
//! The digest is SHA-256 over every `*.rs` and `Cargo.toml` under `native/` and over the workspace's `Cargo.toml`
//! and `Cargo.lock`, in the byte order of their paths from the root (`/` between folders): the path, a zero
//! byte, the content with CR LF as LF, a zero byte. `nova/native/build.py` computes the same.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use sha2::{Digest, Sha256};

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let root = manifest.join("../..").canonicalize()?;
    let mut sources = Vec::new();
    for name in ["Cargo.toml", "Cargo.lock"] {
        if root.join(name).is_file() {
            sources.push(name.to_owned());
        }
    }
    collect(&root, "native", &mut sources)?;
    sources.sort_unstable();
    let mut hash = Sha256::new();
    for path in &sources {
        let content = fs::read(root.join(path))?;
        hash.update(path.as_bytes());
        hash.update([0]);
        hash.update(unix_lines(&content));
        hash.update([0]);
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    // The folder too: a new file changes the digest.
    println!("cargo::rerun-if-changed={}", root.join("native").display());
    println!("cargo::rustc-env=NOVA_SOURCE_DIGEST={:x}", hash.finalize());
    println!("cargo::rustc-env=NOVA_PROFILE={}", env::var("PROFILE").unwrap_or_default());
    Ok(())
}

fn collect(root: &Path, folder: &str, sources: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}/{name}");
        if entry.file_type()?.is_dir() {
            collect(root, &path, sources)?;
        } else if name == "Cargo.toml"
            || Path::new(&name).extension().is_some_and(|extension| extension == "rs")
        {
            sources.push(path);
        }
    }
    Ok(())
}

fn unix_lines(content: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(content.len());
    for (at, &byte) in content.iter().enumerate() {
        if byte != b'\r' || content.get(at + 1) != Some(&b'\n') {
            lines.push(byte);
        }
    }
    lines
}
