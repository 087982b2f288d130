use super::*;

/// An entry or header with its leader.
fn framed_bytes(body: &[u8], bit: bool, is_partial: bool) -> Vec<u8> {
    let word = (body.len() as u32) << 2 | u32::from(is_partial) << 1 | u32::from(bit);
    let mut covered = word.to_le_bytes().to_vec();
    covered.extend(body);
    [crc32fast::hash(&covered).to_le_bytes().to_vec(), covered].concat()
}

/// A header of version 1 without manifest and key pair, for a core of this length.
fn header(length: u8) -> Vec<u8> {
    let mut body = vec![1, 0];
    body.extend([9; 32]);
    // No user data; fork, length, the hash of the roots, the signature.
    body.extend([0, 0, length, 0, 1, 0xaa, 0, 0]);
    body
}

fn file(first: &[u8], second: &[u8], entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0; 2 * PAGE_BYTES];
    bytes[..first.len()].copy_from_slice(first);
    bytes[PAGE_BYTES..PAGE_BYTES + second.len()].copy_from_slice(second);
    bytes.extend(entries.concat());
    bytes
}

fn read(bytes: &[u8]) -> Result<Oplog, ImportError> {
    Oplog::read(bytes, |_, _| Err(damaged("no header elsewhere")))
}

fn length(bytes: &[u8]) -> u64 {
    read(bytes).expect("it is valid").tree.length
}

/// An entry that sets the length.
fn upgrade(length: u8) -> Vec<u8> {
    vec![TREE_UPGRADE as u8, 0, 0, length, 1, 0xbb]
}

#[test]
fn the_bits_tell_which_header_is_newer() {
    let [three, four] = [3, 4].map(header);
    let both = |bits: [bool; 2]| {
        file(&framed_bytes(&three, bits[0], false), &framed_bytes(&four, bits[1], false), &[])
    };
    assert_eq!(length(&both([true, true])), 3);
    assert_eq!(length(&both([false, false])), 3);
    assert_eq!(length(&both([true, false])), 4);
    assert_eq!(length(&both([false, true])), 4);
    // The other one was not written to its end.
    assert_eq!(length(&file(&framed_bytes(&three, true, false), &[1; 40], &[])), 3);
    assert_eq!(length(&file(&[1; 40], &framed_bytes(&four, true, false), &[])), 4);
}

#[test]
fn entries_of_an_older_header_do_not_count() {
    let header = framed_bytes(&header(3), true, false);
    let entry = |bit| framed_bytes(&upgrade(8), bit, false);
    assert_eq!(length(&file(&header, &[], &[entry(false)])), 8);
    assert_eq!(length(&file(&header, &[], &[entry(true)])), 3);
}

#[test]
fn half_a_batch_does_not_count() {
    let header = framed_bytes(&header(3), true, false);
    let [one, two, three] = [(5, false), (6, true), (7, true)]
        .map(|(length, is_partial)| framed_bytes(&upgrade(length), false, is_partial));
    assert_eq!(length(&file(&header, &[], &[one, two, three])), 5);
}

#[test]
fn a_length_in_the_file_allocates_nothing() {
    let header = framed_bytes(&header(3), true, false);
    // Nodes, 2^40 of them.
    let mut entry = vec![TREE_NODES as u8, 0xff];
    entry.extend((1_u64 << 40).to_le_bytes());
    let error = read(&file(&header, &[], &[framed_bytes(&entry, false, false)]));
    assert!(matches!(error, Err(ImportError::Damaged { file: FILE, .. })));
}

#[test]
fn a_header_elsewhere_is_read_there() {
    let external = framed_bytes(&[1, EXTERNAL as u8, 5, 60], true, false);
    let bytes = file(&external, &[], &[]);
    let oplog = Oplog::read(&bytes, |start, length| {
        assert_eq!((start, length), (5, 60));
        Ok(header(3))
    });
    assert_eq!(oplog.expect("it is valid").tree.length, 3);
    let again = Oplog::read(&bytes, |_, _| Ok(vec![1, EXTERNAL as u8, 5, 60]));
    assert!(matches!(again, Err(ImportError::Damaged { .. })));
}

#[test]
fn nothing_and_newer_versions_are_refused() {
    for bytes in [&[][..], &[0; 8_192], &framed_bytes(&[2, 0], true, false)] {
        assert!(matches!(read(bytes), Err(ImportError::Damaged { .. })));
    }
}
