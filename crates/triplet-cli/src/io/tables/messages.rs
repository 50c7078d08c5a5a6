//! Messages of Arrow files and streams: what their compressed buffers promise to become.
//!
//! Every compressed buffer begins with its length when decompressed, which the reader reserves
//! before it decompresses a byte: a damaged length would end the process.

use crate::io::limits::Budget;
use anyhow::{Context, Result, bail};
use arrow_ipc::{Block, Message, RecordBatch, root_as_footer, root_as_message};

/// What a message begins with since version 0.15 of the format, before its length.
const CONTINUATION: &[u8] = b"\xff\xff\xff\xff";
/// Footer length and magic at the end of a file.
const END: usize = 10;

/// Refuses a stream whose buffers would take more memory than there may be. A message that cannot
/// be read ends the stream here, as it does for the reader, which names the fault.
pub(super) fn check_stream(mut bytes: &[u8], budget: &Budget) -> Result<()> {
    let mut promised = 0_u64;
    while let Some((metadata, rest)) = metadata(bytes)
        && let Ok(message) = root_as_message(metadata)
        && let Some(body) = usize::try_from(message.bodyLength()).ok().and_then(|length| rest.get(..length))
    {
        promised = promised.saturating_add(decompressed(&message, body));
        bytes = &rest[body.len()..];
    }
    check(promised, budget)
}

/// The same for a file, whose footer lists the messages.
pub(super) fn check_file(bytes: &[u8], budget: &Budget) -> Result<()> {
    let Some(footer) = footer(bytes)? else { return Ok(()) };
    let Ok(footer) = root_as_footer(footer) else { return Ok(()) };
    let mut promised = 0_u64;
    for block in footer.recordBatches().into_iter().chain(footer.dictionaries()).flatten() {
        let (metadata, body) = parts(block, bytes)
            .context("not a readable Arrow file: its footer leads to places that are not in the file")?;
        // An error of the message is for the reader to name.
        let message = self::metadata(metadata).and_then(|(metadata, _)| root_as_message(metadata).ok());
        promised = promised.saturating_add(message.map_or(0, |message| decompressed(&message, body)));
    }
    check(promised, budget)
}

fn check(promised: u64, budget: &Budget) -> Result<()> {
    budget.take(promised)?;
    budget.give(promised);
    Ok(())
}

/// The metadata of the message that begins here, and what follows it; `None` at the end.
fn metadata(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.strip_prefix(CONTINUATION).unwrap_or(bytes).split_first_chunk()?;
    let length = usize::try_from(i32::from_le_bytes(*length)).ok().filter(|&length| length > 0)?;
    rest.split_at_checked(length)
}

/// The footer of a file; `None` where it states none, which is for the reader to name. The reader reserves
/// what the length says before it looks for the bytes.
fn footer(bytes: &[u8]) -> Result<Option<&[u8]>> {
    let Some((before, end)) = bytes.len().checked_sub(END).and_then(|at| bytes.split_at_checked(at)) else {
        return Ok(None);
    };
    let length = end.first_chunk().map_or(-1, |length| i32::from_le_bytes(*length));
    let Ok(length) = usize::try_from(length) else { return Ok(None) };
    let Some(start) = before.len().checked_sub(length) else {
        bail!(
            "not a readable Arrow file: it states a footer of {length} bytes, and has {} before its end",
            before.len()
        );
    };
    Ok(before.get(start..))
}

/// Metadata and body of a message of a file.
fn parts<'a>(block: &Block, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let rest = bytes.get(usize::try_from(block.offset()).ok()?..)?;
    let (metadata, rest) = rest.split_at_checked(usize::try_from(block.metaDataLength()).ok()?)?;
    Some((metadata, rest.get(..usize::try_from(block.bodyLength()).ok()?)?))
}

/// Bytes of a message's compressed buffers when decompressed.
fn decompressed(message: &Message<'_>, body: &[u8]) -> u64 {
    let dictionary = || message.header_as_dictionary_batch().and_then(|batch| batch.data());
    let batch = message.header_as_record_batch().or_else(dictionary);
    batch.filter(|batch| batch.compression().is_some()).map_or(0, |batch| lengths(&batch, body))
}

fn lengths(batch: &RecordBatch<'_>, body: &[u8]) -> u64 {
    let length = |start: i64| -> Option<u64> {
        let length = body.get(usize::try_from(start).ok()?..)?.first_chunk()?;
        // -1 stands for a buffer that is not compressed.
        u64::try_from(i64::from_le_bytes(*length)).ok()
    };
    let buffers = batch.buffers().into_iter().flatten();
    buffers.filter_map(|buffer| length(buffer.offset())).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::tables::{read_file, read_stream};
    use arrow_array::{ArrayRef, Float32Array, RecordBatch};
    use arrow_ipc::{
        CompressionType,
        writer::{FileWriter, IpcWriteOptions, StreamWriter},
    };
    use std::sync::Arc;

    /// A column of values that compress, as a file and as a stream.
    fn written(codec: CompressionType) -> [Vec<u8>; 2] {
        let column: ArrayRef = Arc::new(Float32Array::from(vec![1.0; 1000]));
        let batch = RecordBatch::try_from_iter([("x", column)]).unwrap();
        let options = || IpcWriteOptions::default().try_with_compression(Some(codec)).unwrap();
        let mut file = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options()).unwrap();
        let mut stream = StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options()).unwrap();
        file.write(&batch).unwrap();
        stream.write(&batch).unwrap();
        [file.into_inner().unwrap(), stream.into_inner().unwrap()]
    }

    #[test]
    fn a_damaged_length_of_a_compressed_buffer_is_refused_before_it_is_reserved() {
        let budget = || Budget::new(Some(1 << 20));
        for codec in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
            let good = written(codec);
            assert_eq!(read_file(&good[0], &budget()).unwrap().rows, 1000);
            assert_eq!(read_stream(&good[1], &budget()).unwrap().rows, 1000);
            let [file, stream] = good.map(|bytes| {
                let mut bytes = bytes;
                let length = 4000_i64.to_le_bytes();
                let at = bytes.windows(8).rposition(|window| window == length).unwrap();
                bytes[at + 6] = 0x70;
                bytes
            });
            for refused in [read_file(&file, &budget()), read_stream(&stream, &budget())] {
                let error = format!("{:#}", refused.unwrap_err());
                assert!(error.contains("--max-memory allows"), "{error}");
            }
        }
    }

    #[test]
    fn a_footer_longer_than_the_file_is_refused_before_it_is_reserved() {
        let [file, _] = written(CompressionType::ZSTD);
        let end = file.len() - END;
        let stated = |length: i32| {
            let mut file = file.clone();
            file[end..end + 4].copy_from_slice(&length.to_le_bytes());
            format!("{:#}", read_file(&file, &Budget::new(None)).unwrap_err())
        };
        for length in [i32::MAX, end as i32 + 1] {
            let expected = format!("it states a footer of {length} bytes, and has {end} before its end");
            assert!(stated(length).contains(&expected), "{}", stated(length));
        }
        // Of the file's bytes, but no footer; and what is no length.
        for length in [end as i32, -1] {
            let error = stated(length);
            assert!(error.contains("not a readable Arrow file") && !error.contains("states"), "{error}");
        }
    }

    #[test]
    fn a_footer_that_leads_out_of_the_file_is_refused() {
        let [mut file, _] = written(CompressionType::LZ4_FRAME);
        let footer = root_as_footer(footer(&file).unwrap().unwrap()).unwrap();
        let body = footer.recordBatches().unwrap().get(0).bodyLength().to_le_bytes();
        let at = file.windows(8).rposition(|window| window == body).unwrap();
        file[at + 5] = 1;
        let error = format!("{:#}", read_file(&file, &Budget::new(None)).unwrap_err());
        assert!(error.contains("not in the file"), "{error}");
    }
}
