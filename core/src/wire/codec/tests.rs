use alloc::{string::String, vec, vec::Vec};

use proptest::prelude::*;

use super::*;

#[test]
fn a_uint_is_written_in_its_shortest_form() {
    for (value, size) in [
        (0, 1),
        (0xfc, 1),
        (0xfd, 3),
        (0xffff, 3),
        (0x1_0000, 5),
        (0xffff_ffff, 5),
        (0x1_0000_0000, 9),
        (u64::MAX, 9),
    ] {
        let mut out = Vec::new();
        put_uint(&mut out, value);
        assert_eq!((out.len(), uint_size(value)), (size, size), "{value}");
    }
}

#[test]
fn a_long_form_of_a_small_number_is_accepted() {
    assert_eq!(Reader::new(&[0xfd, 1, 0]).uint(), Ok(1));
    assert_eq!(Reader::new(&[0xff, 1, 0, 0, 0, 0, 0, 0, 0]).uint(), Ok(1));
}

#[test]
fn numbers_above_the_maximum_of_javascript_are_rejected() {
    for value in [1 << 53, 1 << 63, u64::MAX] {
        let mut out = vec![];
        put_uint(&mut out, value);
        assert_eq!(Reader::new(&out).uint(), Ok(value));
        assert_eq!(Reader::new(&out).uint_below_2_53(), Err(Malformed::TooLarge));
    }
    let mut out = vec![];
    put_uint(&mut out, UINT_MAX);
    assert_eq!(Reader::new(&out).uint_below_2_53(), Ok(UINT_MAX));
}

#[test]
fn an_announced_length_allocates_nothing() {
    for length in [5, 1 << 20, 1 << 32, 1 << 53, u64::MAX] {
        let mut out = vec![];
        put_uint(&mut out, length);
        out.extend(b"four");
        assert_eq!(Reader::new(&out).buffer(), Err(Malformed::Truncated), "{length}");
        assert_eq!(Reader::new(&out).string(), Err(Malformed::Truncated), "{length}");
        assert_eq!(Reader::new(&out).count(1), Err(Malformed::Truncated), "{length}");
    }
    assert_eq!(Reader::new(&[2, 0, 0, 0, 0]).count(2), Ok(2));
    assert_eq!(Reader::new(&[2, 0, 0, 0]).count(2), Err(Malformed::Truncated));
    assert_eq!(Reader::new(&[2, 0, 0, 0]).count(usize::MAX), Err(Malformed::Truncated));
}

#[test]
fn a_text_is_utf8() {
    assert_eq!(Reader::new(&[1, 0xff]).string(), Err(Malformed::BadUtf8));
}

#[test]
fn an_empty_buffer_is_none() {
    assert_eq!(Reader::new(&[0]).optional_buffer(), Ok(None));
    assert_eq!(Reader::new(&[1, 7]).optional_buffer(), Ok(Some(&[7][..])));
}

proptest! {
    #[test]
    fn written_values_are_read_back(
        numbers in prop::collection::vec(any::<u64>(), 0..9),
        shift in 0..64u32,
        bytes: Vec<u8>,
        text: String,
        array: [u8; 32],
    ) {
        let mut out = bytes::BytesMut::new();
        for number in &numbers {
            put_uint(&mut out, number >> shift);
        }
        put_buffer(&mut out, &bytes);
        put_optional_buffer(&mut out, Some(&bytes));
        put_string(&mut out, &text);
        out.extend_from_slice(&array);
        let mut reader = Reader::new(&out);
        for number in &numbers {
            prop_assert_eq!(reader.uint(), Ok(number >> shift));
        }
        prop_assert_eq!(reader.buffer(), Ok(&bytes[..]));
        prop_assert_eq!(reader.optional_buffer().map(Option::unwrap_or_default), Ok(&bytes[..]));
        prop_assert_eq!(reader.string(), Ok(&text[..]));
        prop_assert_eq!(reader.array(), Ok(array));
        prop_assert!(reader.is_empty());
        for cut in 0..out.len().min(80) {
            let mut reader = Reader::new(&out[..cut]);
            let all = numbers.iter().try_for_each(|_| reader.uint().map(drop))
                .and_then(|()| reader.buffer().map(drop))
                .and_then(|()| reader.optional_buffer().map(drop))
                .and_then(|()| reader.string().map(drop))
                .and_then(|()| reader.array::<32>().map(drop));
            prop_assert!(all.is_err());
        }
    }

    #[test]
    fn any_bytes_may_be_read(bytes: Vec<u8>, script in prop::collection::vec(0..8u8, 0..20)) {
        let mut reader = Reader::new(&bytes);
        for step in script {
            let before = reader.rest().len();
            let failed = match step {
                0 => reader.uint().is_err(),
                1 => reader.uint_below_2_53().is_err(),
                2 => reader.buffer().is_err(),
                3 => reader.optional_buffer().is_err(),
                4 => reader.string().is_err(),
                5 => reader.array::<32>().is_err(),
                6 => reader.count(2).is_err(),
                _ => reader.byte().is_err(),
            };
            prop_assert!(failed || reader.rest().len() < before);
            prop_assert!(bytes.ends_with(reader.rest()));
        }
    }
}
