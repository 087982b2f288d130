//! A grammar of messages and the defects to put into them.
//!
//! A message is a function that writes it with a [`Pen`]. The pen receives each number, text and
//! list before it is encoded, so it can replace it by a wrong one: once for each place and each
//! kind of defect. The rest is valid, as the project's own encoders write it.

/// Replacements of a number: limits of bytes, counts and JavaScript numbers.
const NUMBERS: [(&str, u64); 8] = [
    ("0", 0),
    ("1", 1),
    ("2^31", 1 << 31),
    ("2^32", 1 << 32),
    ("2^40", 1 << 40),
    ("2^53", 1 << 53),
    ("2^63", 1 << 63),
    ("2^64-1", u64::MAX),
];

/// Replacements of a byte string.
const TEXTS: [&str; 6] = ["empty", "cut", "doubled", "first bit", "last bit", "ones"];

/// Replacements of an array, whose length is fixed.
const ARRAYS: [&str; 4] = ["zeros", "ones", "first bit", "last bit"];

/// Replacements of a list.
const LISTS: [&str; 6] =
    ["empty", "without the first", "without the last", "reversed", "first twice", "all twice"];

/// Replacements of a whole message.
const WHOLES: [&str; 8] = [
    "empty",
    "cut by a byte",
    "cut in half",
    "its first byte alone",
    "twice",
    "with a long number behind it",
    "with its first number without end",
    "with zeros behind it",
];

/// A message with one defect, and the defect's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mutant {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Writes a message.
pub(crate) type Writer = fn(&mut Pen) -> Vec<u8>;

/// A place for a defect: its name and kinds.
type Place = (&'static str, Vec<&'static str>);

/// Writes a message with one defect or none.
#[derive(Debug, Default)]
pub(crate) struct Pen {
    places: Vec<Place>,
    /// Which place is wrong, and how.
    wrong: Option<(usize, usize)>,
}

impl Pen {
    /// The defect of the next place.
    fn way(
        &mut self,
        name: &'static str,
        ways: impl Iterator<Item = &'static str>,
    ) -> Option<usize> {
        self.places.push((name, ways.collect()));
        self.wrong.filter(|(place, _)| place + 1 == self.places.len()).map(|(_, way)| way)
    }

    /// A number.
    pub(crate) fn number(&mut self, name: &'static str, number: u64) -> u64 {
        let way = self.way(name, NUMBERS.iter().map(|(name, _)| *name));
        way.map_or(number, |way| NUMBERS[way].1)
    }

    /// A number of a 32-bit field: larger ones become the largest that fits.
    pub(crate) fn small(&mut self, name: &'static str, number: u32) -> u32 {
        u32::try_from(self.number(name, number.into())).unwrap_or(u32::MAX)
    }

    /// A number of an 8-bit field.
    pub(crate) fn byte(&mut self, name: &'static str, number: u8) -> u8 {
        u8::try_from(self.number(name, number.into())).unwrap_or(u8::MAX)
    }

    /// Bytes with a length prefix.
    pub(crate) fn text(&mut self, name: &'static str, text: &[u8]) -> Vec<u8> {
        let mut text = text.to_vec();
        let way = self.way(name, TEXTS.into_iter());
        match way.map(|way| TEXTS[way]) {
            None => (),
            Some("empty") => text.clear(),
            Some("cut") => text.truncate(text.len().saturating_sub(1)),
            Some("doubled") => text.extend_from_within(..),
            Some(way) => spoil(&mut text, way),
        }
        text
    }

    /// Bytes of a fixed length.
    pub(crate) fn array<const N: usize>(&mut self, name: &'static str, array: [u8; N]) -> [u8; N] {
        let mut array = array;
        if let Some(way) = self.way(name, ARRAYS.into_iter()) {
            spoil(&mut array, ARRAYS[way]);
        }
        array
    }

    /// Entries.
    pub(crate) fn list<T: Clone>(&mut self, name: &'static str, list: Vec<T>) -> Vec<T> {
        let mut list = list;
        let way = self.way(name, LISTS.into_iter());
        match way.map(|way| LISTS[way]) {
            None => (),
            Some("empty") => list.clear(),
            Some("without the first") => _ = (!list.is_empty()).then(|| list.remove(0)),
            Some("without the last") => _ = list.pop(),
            Some("reversed") => list.reverse(),
            Some("first twice") => list.splice(0..0, list.first().cloned()).for_each(drop),
            Some(_) => list = [&list[..], &list[..]].concat(),
        }
        list
    }
}

fn spoil(bytes: &mut [u8], way: &str) {
    match way {
        "zeros" => bytes.fill(0),
        "ones" => bytes.fill(0xff),
        "first bit" => bytes.iter_mut().take(1).for_each(|byte| *byte ^= 1),
        _ => bytes.iter_mut().rev().take(1).for_each(|byte| *byte ^= 0x80),
    }
}

/// The valid message.
pub(crate) fn genuine(write: impl Fn(&mut Pen) -> Vec<u8>) -> Vec<u8> {
    write(&mut Pen::default())
}

/// The message with each possible defect once.
pub(crate) fn mutants(message: &str, write: impl Fn(&mut Pen) -> Vec<u8>) -> Vec<Mutant> {
    let mut pen = Pen::default();
    let genuine = write(&mut pen);
    let mut all = Vec::new();
    for (place, (name, ways)) in pen.places.iter().enumerate() {
        for (way, said) in ways.iter().enumerate() {
            let mut pen = Pen { places: Vec::new(), wrong: Some((place, way)) };
            let name = format!("{message}: {name} (place {place}) becomes {said}");
            all.push(Mutant { name, bytes: write(&mut pen) });
        }
    }
    all.extend(wholes(message, &genuine));
    all.retain(|mutant| mutant.bytes != genuine);
    all
}

/// A message of any form, with a defect of the whole.
pub(crate) fn wholes(message: &str, genuine: &[u8]) -> Vec<Mutant> {
    let each = WHOLES.iter().map(|way| {
        let bytes = match *way {
            "empty" => Vec::new(),
            "cut by a byte" => genuine[..genuine.len().saturating_sub(1)].to_vec(),
            "cut in half" => genuine[..genuine.len() / 2].to_vec(),
            "its first byte alone" => genuine.iter().take(1).copied().collect(),
            "twice" => [genuine, genuine].concat(),
            "with a long number behind it" => [genuine, &[0xff; 12]].concat(),
            "with its first number without end" => {
                [&[0xff; 12], genuine.get(1..).unwrap_or_default()].concat()
            }
            _ => [genuine, &[0; 64]].concat(),
        };
        Mutant { name: format!("{message}: {way}"), bytes }
    });
    each.filter(|mutant| mutant.bytes != genuine).collect()
}

/// A message of unknown form, with numbers in both of the wire's encodings in place of each of its
/// bytes.
pub(crate) fn blind(message: &str, genuine: &[u8]) -> Vec<Mutant> {
    let huge: [(&str, &[u8]); 4] = [
        ("0", &[0]),
        ("the largest byte", &[0xff]),
        ("the largest varint", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        ("the largest uint", &[0xff; 9]),
    ];
    let mut all = wholes(message, genuine);
    for place in 0..genuine.len() {
        for (said, bytes) in huge {
            let name = format!("{message}: byte {place} becomes {said}");
            let bytes = [&genuine[..place], bytes, &genuine[place + 1..]].concat();
            all.push(Mutant { name, bytes });
        }
    }
    all.retain(|mutant| mutant.bytes != genuine);
    all
}
