//! Log lines that wait until they are shown above the lines of a terminal.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// More than this is kept only if the terminal takes nothing; then lines are dropped.
const MAX_BYTES: usize = 1 << 20;

/// What is logged while lines are drawn. Clones share their content.
#[derive(Debug, Clone, Default)]
pub struct LogBuffer(Arc<Mutex<Vec<u8>>>);

impl LogBuffer {
    /// Takes the lines that have not been shown.
    pub fn take(&self) -> Vec<u8> {
        // A thread that panicked while it logged has left a part of a line at most.
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for LogBuffer {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < MAX_BYTES {
            lines.extend_from_slice(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
