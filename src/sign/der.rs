//! DER and PEM: as much of them as keys and certificates need. Nothing here trusts a length.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const SEQUENCE: u8 = 0x30;

/// One value: its tag, its content, and all of its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    pub(super) whole: &'a [u8],
}

impl<'a> Item<'a> {
    /// The values inside of it.
    pub(super) fn items(&self) -> Items<'a> {
        Items(self.content)
    }

    /// As [`Item::items`]; none when anything follows that is no value.
    pub(super) fn all_items(&self) -> Option<Vec<Item<'a>>> {
        let items: Vec<Item> = self.items().collect();
        let length: usize = items.iter().map(|item| item.whole.len()).sum();
        (length == self.content.len()).then_some(items)
    }
}

/// A value, its length in as few bytes as DER has it.
pub(super) fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    let length = length.get(zeros..).unwrap_or_default();
    let head = match (length, u8::try_from(length.len())) {
        ([], _) => vec![tag, 0],
        ([one @ ..=0x7f], _) => vec![tag, *one],
        // A length has eight bytes at most.
        (_, count) => [&[tag, 0x80 | count.unwrap_or_default()], length].concat(),
    };
    [head.as_slice(), content].concat()
}

/// The values of some DER, one after another. Ends at the first that is broken.
pub(super) struct Items<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            ..=0x7f => (usize::from(first), rest),
            // The length follows in one to four bytes.
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        let whole = self.0.get(..self.0.len() - after.len())?;
        self.0 = after;
        Some(Item { tag, content, whole })
    }
}

/// The blocks of a PEM file: label and content.
pub(super) fn pem(text: &str) -> Vec<(String, Vec<u8>)> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once("-----BEGIN ") {
        let Some((label, body)) = begun.split_once("-----") else { break };
        let Some((body, after)) = body.split_once(&format!("-----END {label}-----")) else { break };
        // Headers of old encrypted keys are no base64: such a block is left out.
        let packed: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        if let Ok(content) = STANDARD.decode(packed) {
            blocks.push((label.to_string(), content));
        }
        rest = after;
    }
    blocks
}

/// A PEM block, in lines of 64 as everybody writes it.
pub(super) fn to_pem(label: &str, content: &[u8]) -> String {
    let packed = STANDARD.encode(content);
    let lines: Vec<&str> = packed.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or("")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_broken_ones_end_the_list() {
        let der = [SEQUENCE, 6, 2, 1, 5, OCTET_STRING, 1, 9, BIT_STRING, 0x81, 1, 7];
        let items: Vec<Item> = Items(&der).collect();
        assert_eq!(items.iter().map(|i| i.tag).collect::<Vec<_>>(), [SEQUENCE, BIT_STRING]);
        assert_eq!(items[0].items().map(|i| i.content[0]).collect::<Vec<_>>(), [5, 9]);
        assert_eq!(items[1].whole, [BIT_STRING, 0x81, 1, 7]);
        for broken in [&[SEQUENCE][..], &[SEQUENCE, 5, 1], &[SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff, 1], &[4, 0x80, 0]]
        {
            assert_eq!(Items(broken).count(), 0, "{broken:?}");
        }
    }

    #[test]
    fn what_is_encoded_is_read_again() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let whole = encode(OCTET_STRING, &vec![7; length]);
            let item = Items(&whole).next().unwrap();
            assert_eq!((item.tag, item.content.len(), item.whole.len()), (OCTET_STRING, length, whole.len()));
        }
        assert_eq!(encode(OCTET_STRING, &[7; 0x80])[..3], [OCTET_STRING, 0x81, 0x80]);
        assert_eq!(encode(OCTET_STRING, &[7; 0x100])[..4], [OCTET_STRING, 0x82, 1, 0]);
        let of = |content: &[u8]| Items(&encode(SEQUENCE, content)).next().unwrap().all_items().map(|all| all.len());
        assert_eq!(of(&[]), Some(0));
        assert_eq!(of(&[4, 1, 9, 4, 0]), Some(2));
        assert_eq!(of(&[4, 1, 9, 4]), None);
    }

    #[test]
    fn pem_goes_there_and_back() {
        let text = format!("a note\n{}{}", to_pem("ONE", &[7; 100]), to_pem("TWO", b"x"));
        assert_eq!(pem(&text), [("ONE".to_string(), vec![7; 100]), ("TWO".to_string(), b"x".to_vec())]);
        assert!(pem("-----BEGIN A-----\n%%%\n-----END A-----\n-----BEGIN B-----\nAAAA").is_empty());
    }
}
