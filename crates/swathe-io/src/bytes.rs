//! Where bytes come from. Local files today; https and S3 implement the same trait.

/// A readable sequence of bytes of known length, readable from many threads at once.
pub trait ByteSource: Send + Sync {
    /// Name for messages: a path or URL without secrets.
    fn name(&self) -> &str;
    /// Total length in bytes.
    fn len(&self) -> u64;
    /// Whether it holds no byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Fills `buffer` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` when fewer bytes are there; otherwise the system's reason.
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()>;
}
