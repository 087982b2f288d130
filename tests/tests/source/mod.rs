//! Rust source, split into code and comments.

/// One file, with string and character literals blanked.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// Line numbers and code.
    code: Vec<(usize, String)>,
    /// Line numbers and comments, without their slashes.
    pub(crate) comments: Vec<(usize, String)>,
}

/// Where in the source the reader is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Code,
    LineComment,
    /// With the number of open comments: they nest.
    BlockComment(usize),
    String,
    /// With the number of `#` that end it.
    RawString(usize),
}

impl Source {
    pub(crate) fn of(text: &str) -> Self {
        let mut source = Self::default();
        let mut place = Place::Code;
        for (line, number) in text.lines().zip(1..) {
            if place == Place::LineComment {
                place = Place::Code;
            }
            let letters: Vec<char> = line.chars().collect();
            let (mut code, mut comment, mut at) = (String::new(), String::new(), 0);
            while at < letters.len() {
                let read = step(&letters[at..], &mut place);
                match read {
                    Read::Code(count) => code.extend(&letters[at..at + count]),
                    Read::Comment(count) => comment.extend(&letters[at..at + count]),
                    Read::Other(_) => code.push(' '),
                }
                at += read.count();
            }
            source.code.push((number, code));
            if !comment.trim().is_empty() {
                source.comments.push((number, comment));
            }
        }
        source
    }

    /// Every name in the code, with its line. Keywords and lifetimes are names too.
    pub(crate) fn names(&self) -> impl Iterator<Item = (usize, String)> + '_ {
        self.code.iter().flat_map(|(number, line)| {
            let words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            words
                .filter(|word| {
                    word.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
                })
                .map(|word| (*number, word.to_owned()))
        })
    }
}

/// What the next letters are, and how many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Read {
    Code(usize),
    Comment(usize),
    /// A literal, or what begins or ends a comment.
    Other(usize),
}

impl Read {
    fn count(self) -> usize {
        let (Self::Code(count) | Self::Comment(count) | Self::Other(count)) = self;
        count
    }
}

fn step(rest: &[char], place: &mut Place) -> Read {
    let second = rest.get(1).copied();
    match (*place, rest[0]) {
        (Place::LineComment, _) => Read::Comment(1),
        (Place::BlockComment(depth), '*') if second == Some('/') => {
            *place = if depth > 1 { Place::BlockComment(depth - 1) } else { Place::Code };
            Read::Other(2)
        }
        (Place::BlockComment(depth), '/') if second == Some('*') => {
            *place = Place::BlockComment(depth + 1);
            Read::Other(2)
        }
        (Place::BlockComment(_), _) => Read::Comment(1),
        (Place::String, '\\') => Read::Other(2.min(rest.len())),
        (Place::String, '"') => {
            *place = Place::Code;
            Read::Other(1)
        }
        (Place::RawString(count), '"') if hashes(&rest[1..]) >= count => {
            *place = Place::Code;
            Read::Other(1 + count)
        }
        (Place::String | Place::RawString(_), _) => Read::Other(1),
        (Place::Code, '/') if second == Some('/') => {
            *place = Place::LineComment;
            Read::Other(rest.iter().take_while(|letter| "/!".contains(**letter)).count())
        }
        (Place::Code, '/') if second == Some('*') => {
            *place = Place::BlockComment(1);
            Read::Other(2)
        }
        (Place::Code, '"') => {
            *place = Place::String;
            Read::Other(1)
        }
        (Place::Code, '\'') => character(rest),
        (Place::Code, letter) if letter.is_alphanumeric() || letter == '_' => {
            let is_name = |letter: &&char| letter.is_alphanumeric() || **letter == '_';
            let count = rest.iter().take_while(is_name).count();
            let word: String = rest[..count].iter().collect();
            let marks = hashes(&rest[count..]);
            let is_raw = ["r", "br", "cr"].contains(&word.as_str());
            if is_raw && rest.get(count + marks) == Some(&'"') {
                *place = Place::RawString(marks);
                return Read::Other(count + marks + 1);
            }
            Read::Code(count)
        }
        (Place::Code, _) => Read::Code(1),
    }
}

fn hashes(rest: &[char]) -> usize {
    rest.iter().take_while(|letter| **letter == '#').count()
}

/// A character literal, or the mark of a lifetime.
fn character(rest: &[char]) -> Read {
    match rest {
        ['\'', '\\', _, tail @ ..] => {
            Read::Other(3 + tail.iter().position(|letter| *letter == '\'').map_or(0, |end| end + 1))
        }
        ['\'', _, '\'', ..] => Read::Other(3),
        _ => Read::Code(1),
    }
}
