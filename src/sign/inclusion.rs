//! Proofs that an entry is in a transparency log: the hashes that lead from it to the root of the log's tree (RFC 6962,
//! section 2.1.1), and the checkpoint by which the log signed that root (<https://c2sp.org/tlog-checkpoint>, a note of
//! <https://c2sp.org/signed-note>; the hint of an ECDSA key are the first bytes of its id, as Rekor has it).

use super::bundle::InclusionProof;
use super::envelope::decode;
use super::key::PublicKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

type Hash = [u8; 32];

/// Bytes of a key's id before a signature of a note.
const HINT: usize = 4;

/// Whether the tree of the checkpoint has the entry `body`, whoever signed the checkpoint.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn holds(proof: &InclusionProof, body: &[u8]) -> Result<(), String> {
    checkpoint_over(proof, body).map(|_| ())
}

/// As [`holds`], and that `log` signed the checkpoint.
///
/// # Errors
/// As [`holds`].
pub(super) fn verify(proof: &InclusionProof, body: &[u8], log: &PublicKey) -> Result<(), String> {
    checkpoint_over(proof, body)?.is_by(log)
}

fn checkpoint_over<'a>(proof: &'a InclusionProof, body: &[u8]) -> Result<Checkpoint<'a>, String> {
    let number = |name: &str, text: &str| {
        number(text).ok_or_else(|| format!("the {name} of its log entry's inclusion proof is no number"))
    };
    let hash = |text: &String| {
        let hash: Option<Hash> = decode(text).and_then(|bytes| bytes.try_into().ok());
        hash.ok_or("a hash of its log entry's inclusion proof is not 32 bytes in base64")
    };
    let (index, size) = (number("index", &proof.log_index)?, number("tree size", &proof.tree_size)?);
    let path = proof.hashes.iter().map(hash).collect::<Result<Vec<Hash>, _>>()?;
    let root = hash(&proof.root_hash)?;
    if root_over(leaf(body), index, size, &path) != Some(root) {
        return Err("the inclusion proof of its log entry does not lead to the root of the log's tree".into());
    }
    let checkpoint = Checkpoint::read(&proof.checkpoint.envelope);
    let checkpoint = checkpoint.ok_or("the checkpoint of its log entry is no signed note of a tree")?;
    if (checkpoint.size, checkpoint.root) != (size, root) {
        return Err("the checkpoint of its log entry is of another tree than the inclusion proof".into());
    }
    Ok(checkpoint)
}

/// Digits alone; protobuf leaves out what is zero.
pub(super) fn number(text: &str) -> Option<u64> {
    match text {
        "" => Some(0),
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

/// Leaves and nodes are told apart by their first byte.
fn leaf(body: &[u8]) -> Hash {
    sha256(&[&[0], body].concat())
}

fn node(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left.as_slice(), right].concat())
}

fn sha256(bytes: &[u8]) -> Hash {
    digest(&SHA256, bytes).as_ref().try_into().unwrap_or_default()
}

/// The root of a tree of `size` leaves by the path of one of them (RFC 9162, section 2.1.3.2); none when the path is not
/// as long as it must be.
fn root_over(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    let (mut at, mut last) = (index, size.checked_sub(1)?);
    if at > last {
        return None;
    }
    let mut hash = leaf;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if at % 2 == 1 || at == last {
            hash = node(sibling, &hash);
            // The last node of a level may have no neighbour there: it moves up as it is.
            while at % 2 == 0 && at != 0 {
                (at, last) = (at / 2, last / 2);
            }
        } else {
            hash = node(&hash, sibling);
        }
        (at, last) = (at / 2, last / 2);
    }
    (last == 0).then_some(hash)
}

/// What a log signed of its tree.
struct Checkpoint<'a> {
    /// What is signed: the lines before the empty one.
    text: &'a str,
    origin: &'a str,
    size: u64,
    root: Hash,
    /// Who signed, and the signature after a key's hint.
    signatures: Vec<(&'a str, Vec<u8>)>,
}

impl Checkpoint<'_> {
    fn read(note: &str) -> Option<Checkpoint<'_>> {
        let (lines, signatures) = note.split_once("\n\n")?;
        let text = note.get(..lines.len() + 1)?;
        let mut lines = lines.split('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty())?;
        let size = lines.next()?;
        let root = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
        let size = number(size).filter(|number| number.to_string() == size)?;
        let signatures =
            signatures.strip_suffix('\n')?.split('\n').map(Checkpoint::signature).collect::<Option<Vec<_>>>()?;
        Some(Checkpoint { text, origin, size, root, signatures })
    }

    fn signature(line: &str) -> Option<(&str, Vec<u8>)> {
        let (name, packed) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = STANDARD.decode(packed).ok()?;
        (!name.is_empty() && bytes.len() > HINT).then_some((name, bytes))
    }

    fn is_by(&self, log: &PublicKey) -> Result<(), String> {
        let id = log.id();
        let (hint, _) = id.split_at(HINT);
        let own: Vec<_> =
            self.signatures.iter().filter_map(|(who, all)| Some((who, all.strip_prefix(hint)?))).collect();
        // The origin is the name alone, or with the number of a tree: `rekor.sigstore.dev - 2605736670972794746`.
        let is_origin =
            |who: &str| self.origin.strip_prefix(who).is_some_and(|rest| rest.is_empty() || rest.starts_with(" - "));
        if own.is_empty() {
            return Err("the checkpoint of its log entry is not signed by the trusted log".into());
        }
        match own.iter().all(|(who, signature)| is_origin(who) && log.verifies(self.text.as_bytes(), signature)) {
            true => Ok(()),
            false => Err("the trusted log did not sign this checkpoint of its log entry".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bundle::Note;
    use super::super::key::PrivateKey;
    use super::*;

    /// The root of some leaves as RFC 6962, section 2.1, defines it.
    fn tree(leaves: &[Vec<u8>]) -> Hash {
        match leaves {
            [] => sha256(b""),
            [one] => leaf(one),
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node(&tree(left), &tree(right))
            }
        }
    }

    /// The path of a leaf as section 2.1.1 defines it.
    fn path(index: usize, leaves: &[Vec<u8>]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let (mut inner, other) = match index.checked_sub(left.len()) {
            None => (path(index, left), tree(right)),
            Some(index) => (path(index, right), tree(left)),
        };
        inner.push(other);
        inner
    }

    fn leaves(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|n| format!("entry {n}").into_bytes()).collect()
    }

    fn note(key: &PrivateKey, text: &str, who: &str) -> String {
        let signature = [&key.public().id()[..HINT], &key.sign(text.as_bytes()).unwrap()].concat();
        format!("{text}\n— {who} {}\n", STANDARD.encode(signature))
    }

    fn proof(key: &PrivateKey, index: usize, leaves: &[Vec<u8>]) -> InclusionProof {
        let root = STANDARD.encode(tree(leaves));
        let text = format!("log.example - 7\n{}\n{root}\nTimestamp: 1\n", leaves.len());
        InclusionProof {
            log_index: index.to_string(),
            root_hash: root,
            tree_size: leaves.len().to_string(),
            hashes: path(index, leaves).iter().map(|hash| STANDARD.encode(hash)).collect(),
            checkpoint: Note { envelope: note(key, &text, "log.example") },
        }
    }

    #[test]
    fn every_leaf_of_every_tree_is_proven_and_at_no_other_place() {
        for size in 1..=33 {
            let leaves = leaves(size);
            let root = tree(&leaves);
            for index in 0..size {
                let path = path(index, &leaves);
                let over = |index: usize, size: usize, path: &[Hash]| {
                    root_over(leaf(&leaves[index.min(leaves.len() - 1)]), index as u64, size as u64, path)
                };
                assert_eq!(over(index, size, &path), Some(root), "{index} of {size}");
                for other in (0..size + 2).filter(|other| *other != index) {
                    let found = root_over(leaf(&leaves[index]), other as u64, size as u64, &path);
                    assert_ne!(found, Some(root), "{index} as {other} of {size}");
                }
                let longer = [path.as_slice(), &[root]].concat();
                assert_ne!(over(index, size, &longer), Some(root));
                if let Some((_, shorter)) = path.split_last() {
                    assert_ne!(over(index, size, shorter), Some(root));
                }
            }
        }
        assert_eq!(root_over(leaf(b"x"), 0, 0, &[]), None);
        assert!(root_over(leaf(b"x"), u64::MAX - 1, u64::MAX, &[[0; 32]; 63]).is_some(), "no place is too far");
    }

    #[test]
    fn a_proof_with_any_bit_flipped_never_verifies() {
        let (key, leaves) = (PrivateKey::generate().unwrap(), leaves(6));
        let (log, right) = (key.public(), proof(&key, 4, &leaves));
        assert_eq!(verify(&right, &leaves[4], &log), Ok(()));
        let flips = |text: &str| -> Vec<String> {
            let flip = |bit: usize| {
                let mut bytes = text.as_bytes().to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                String::from_utf8(bytes).ok()
            };
            (0..text.len() * 8).filter_map(flip).collect()
        };
        let mut wrong: Vec<InclusionProof> = Vec::new();
        let with = |change: &dyn Fn(&mut InclusionProof)| {
            let mut proof = right.clone();
            change(&mut proof);
            proof
        };
        wrong.extend(flips(&right.log_index).into_iter().map(|text| with(&|proof| proof.log_index = text.clone())));
        wrong.extend(flips(&right.tree_size).into_iter().map(|text| with(&|proof| proof.tree_size = text.clone())));
        wrong.extend(flips(&right.root_hash).into_iter().map(|text| with(&|proof| proof.root_hash = text.clone())));
        for at in 0..right.hashes.len() {
            wrong.extend(flips(&right.hashes[at]).into_iter().map(|text| with(&|p| p.hashes[at] = text.clone())));
        }
        let notes = flips(&right.checkpoint.envelope);
        assert!(notes.len() > 1000, "{}", notes.len());
        wrong.extend(notes.into_iter().map(|text| with(&|proof| proof.checkpoint.envelope = text.clone())));
        for proof in &wrong {
            assert!(verify(proof, &leaves[4], &log).is_err(), "{proof:?}");
        }
        for bit in 0..leaves[4].len() * 8 {
            let mut body = leaves[4].clone();
            body[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&right, &body, &log).is_err());
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let (key, other, leaves) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap(), leaves(5));
        let right = proof(&key, 2, &leaves);
        let says = |change: &dyn Fn(&mut InclusionProof), why: &str| {
            let mut proof = right.clone();
            change(&mut proof);
            let said = verify(&proof, &leaves[2], &key.public()).unwrap_err();
            assert!(said.contains(why), "{why}: {said}");
        };
        let text = right.checkpoint.envelope.split_once("\n\n").unwrap().0.to_string() + "\n";
        says(&|p| p.log_index = "-1".into(), "index of its log entry's inclusion proof is no number");
        says(&|p| p.tree_size = "+5".into(), "tree size of its log entry's inclusion proof is no number");
        says(&|p| p.tree_size = String::new(), "does not lead to the root");
        says(&|p| p.hashes[0] = "AAAA".into(), "not 32 bytes");
        says(&|p| p.hashes.swap(0, 1), "does not lead to the root");
        says(&|p| *p = proof(&key, 3, &leaves), "does not lead to the root");
        says(&|p| p.checkpoint = proof(&key, 2, &leaves[..4]).checkpoint, "is of another tree");
        says(&|p| p.checkpoint.envelope = note(&other, &text, "log.example"), "not signed by the trusted log");
        // Its hint is the log's, the signature another's.
        let forged = STANDARD.encode([&key.public().id()[..HINT], &other.sign(text.as_bytes()).unwrap()].concat());
        let forged = format!("{text}\n— log.example {forged}\n");
        says(&|p| p.checkpoint.envelope = forged.clone(), "did not sign this checkpoint");
        says(&|p| p.checkpoint.envelope = note(&key, &text, "log.exam"), "did not sign this checkpoint");
        for no_note in
            ["", &text, &format!("{text}\n"), &right.checkpoint.envelope.replace("\n5\n", "\n05\n"), "a\n1\n\n"]
        {
            says(&|p| p.checkpoint.envelope = no_note.to_string(), "no signed note");
        }
        // Witnesses may sign beside it.
        let witness = note(&other, &text, "witness.example");
        let mut both = right.clone();
        both.checkpoint.envelope += witness.split_once("\n\n").unwrap().1;
        assert_eq!(verify(&both, &leaves[2], &key.public()), Ok(()));
        assert_eq!(
            holds(&InclusionProof { checkpoint: Note { envelope: witness }, ..right.clone() }, &leaves[2]),
            Ok(())
        );
    }
}
