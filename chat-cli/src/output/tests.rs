use super::*;

/// A stream that always fails with this error.
struct FailingStream(ErrorKind);

impl Write for FailingStream {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream that counts its flushes.
#[derive(Default)]
struct FlushCounter(Vec<u8>, usize);

impl Write for FlushCounter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1 += 1;
        Ok(())
    }
}

#[test]
fn broken_pipe_ends_quietly() {
    let failure = write_line(&mut FailingStream(ErrorKind::BrokenPipe), "x").expect_err("broken");
    assert_eq!(failure, Failure::quiet(ExitCode::Done));
}

#[test]
fn full_disk_is_an_error_with_a_code() {
    let failure = write_line(&mut FailingStream(ErrorKind::StorageFull), "x").expect_err("full");
    assert_eq!((failure.exit(), failure.code()), (ExitCode::Failed, "output.failed"));
}

#[test]
fn each_line_is_terminated_and_flushed() {
    let mut stream = FlushCounter::default();
    write_line(&mut stream, "one").expect("written");
    write_line(&mut stream, "two").expect("written");
    assert_eq!((stream.0.as_slice(), stream.1), (&b"one\ntwo\n"[..], 2));
}

#[test]
fn json_value_is_one_line() {
    assert_eq!(json_line(&"a\nb").expect("JSON"), r#""a\nb""#);
}
