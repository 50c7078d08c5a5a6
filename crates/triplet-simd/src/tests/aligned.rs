//! The buffers that start on a cache line.

use crate::gram::aligned::Aligned;

#[test]
fn every_length_starts_on_a_cache_line_and_keeps_what_is_written() {
    let mut buffer = Aligned::<u32>::default();
    assert!(buffer.is_empty());
    // Longer, shorter and longer again: memory is kept, grown, and never too short by its padding.
    for len in [0, 1, 15, 16, 17, 1000, 999, 1001, 3, 4096] {
        buffer.resize(len);
        assert_eq!(buffer.len(), len);
        // Miri may decline to align.
        if !cfg!(miri) {
            assert_eq!(buffer.as_ptr().addr() % 64, 0, "{len} elements");
        }
        for (value, place) in (1..).zip(buffer.iter_mut()) {
            *place = value;
        }
        assert!(buffer.iter().copied().eq(1..=len as u32), "{len} elements");
    }
}
