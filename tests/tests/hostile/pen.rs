//! A grammar of messages, and the ways to break what it writes.
//!
//! A message is a function that writes it with a [`Pen`]. The pen is told each number, text and
//! list before it is encoded, so it can put a wrong one in its place, once for each place and each
//! way. What comes out is whole but for that, as the project's own encoders write it.

/// What a number becomes: the edges of what fits bytes, counts and JavaScript.
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

/// What a run of bytes becomes.
const TEXTS: [&str; 6] = ["empty", "cut", "doubled", "first bit", "last bit", "ones"];

/// What an array becomes: its length is fixed.
const ARRAYS: [&str; 4] = ["zeros", "ones", "first bit", "last bit"];

/// What a list becomes.
const LISTS: [&str; 6] =
    ["empty", "without the first", "without the last", "reversed", "first twice", "all twice"];

/// What a whole message becomes.
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

/// A message that is wrong in one way, and the name of that way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mutant {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Writes a message.
pub(crate) type Writer = fn(&mut Pen) -> Vec<u8>;

/// A place where something can be wrong: its name, and in which ways.
type Place = (&'static str, Vec<&'static str>);

/// Writes a message, with one thing wrong or none.
#[derive(Debug, Default)]
pub(crate) struct Pen {
    places: Vec<Place>,
    /// Which place is wrong, and in which of its ways.
    wrong: Option<(usize, usize)>,
}

impl Pen {
    /// In which way the next place is to be wrong.
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

    /// A number of a field that has 32 bits: what does not fit is the largest that does.
    pub(crate) fn small(&mut self, name: &'static str, number: u32) -> u32 {
        u32::try_from(self.number(name, number.into())).unwrap_or(u32::MAX)
    }

    /// A number of a field that has 8 bits.
    pub(crate) fn byte(&mut self, name: &'static str, number: u8) -> u8 {
        u8::try_from(self.number(name, number.into())).unwrap_or(u8::MAX)
    }

    /// Bytes whose length is written with them.
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

/// The message as it should be.
pub(crate) fn genuine(write: impl Fn(&mut Pen) -> Vec<u8>) -> Vec<u8> {
    write(&mut Pen::default())
}

/// The message wrong in every way that there is, each once.
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

/// A message of any form, wrong as a whole.
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

/// A message whose form is not known here, with numbers of both of the wire's encodings in the
/// place of each of its bytes.
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
