//! What the commands that work through lines of a file have in common: where lines come from, and how far they are.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

/// Exit code where a line was wrong.
pub(super) const DATA_ERROR: u8 = 65;
/// Bytes of the longest line, so that memory is bounded whatever comes in.
pub(super) const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;
pub(super) const BUFFER_BYTES: usize = 256 * 1024;
/// Lines after which the progress is shown again.
pub(super) const PROGRESS_LINES: u64 = 256;

/// Opens `file`, or what is piped in for `-`, with a bar that is shown where stderr is a terminal.
pub(super) fn open(file: &Path) -> anyhow::Result<(impl BufRead + use<>, ProgressBar)> {
    let (input, bar): (Box<dyn io::Read>, ProgressBar) = if file.as_os_str() == "-" {
        (Box::new(io::stdin().lock()), ProgressBar::new_spinner())
    } else {
        let open = || Ok::<_, io::Error>((File::open(file)?, file.metadata()?.len()));
        let (file, len) = open().with_context(|| format!("{} cannot be read", file.display()))?;
        (Box::new(file), ProgressBar::new(len))
    };
    bar.set_style(ProgressStyle::with_template("{bar:40} {binary_bytes} {binary_bytes_per_sec} {msg}")?);
    Ok((BufReader::with_capacity(BUFFER_BYTES, bar.wrap_read(input)), bar))
}

/// Reads the next line without its end; `false` at the end of the input. Of a line that is too long the rest is passed over.
pub(super) fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    if input.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    } else if line.len() as u64 > LINE_BYTES_MAX {
        input.skip_until(b'\n')?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_without_their_ends() {
        let mut input = io::Cursor::new(b"a\r\n\nlast".to_vec());
        let (mut lines, mut line) = (Vec::new(), Vec::new());
        while read_line(&mut input, &mut line).unwrap() {
            lines.push(String::from_utf8(line.clone()).unwrap());
        }
        assert_eq!(lines, ["a", "", "last"]);
    }
}
