use std::collections::BTreeSet;

use prost::Message as _;
use rpcplugin_core::Error;

use super::{super::Files, PROVIDER, provider_files};
use crate::dynamic::{info::MethodInfo, schema::Schema};

/// Numbers that are the same in each run: xorshift.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap()
    }
}

/// Does with files what is done with those of a plugin, and describes all of their methods.
fn digest(encoded: Vec<Vec<u8>>) -> Result<usize, Error> {
    let mut files = Files::default();
    files.add(encoded)?;
    let listed = BTreeSet::from([PROVIDER.to_owned()]);
    let schema = Schema::new(files.into_pool()?, Some(listed), BTreeSet::new());
    let methods = schema.user_services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let described = methods.map(MethodInfo::new).map(|method| {
        drop((method.input_schema(), method.output_schema()));
        drop((method.proto_text(), method.comments()));
    });
    Ok(described.count())
}

#[test]
fn no_mutation_of_descriptors_panics() {
    let whole: Vec<Vec<u8>> = provider_files()
        .into_iter()
        .map(|mut file| {
            // Comments are most of the bytes, and the least of the risk.
            file.source_code_info = None;
            file.encode_to_vec()
        })
        .collect();
    assert_eq!(digest(whole.clone()).unwrap(), 7);
    let ours = whole.len() - 1;
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..1500 {
        let mut mutated = whole.clone();
        let bytes = &mut mutated[ours];
        for _ in 0..=numbers.next() % 3 {
            let place = numbers.next() % bytes.len();
            match numbers.next() % 4 {
                0 => bytes[place] ^= 1 << (numbers.next() % 8),
                1 => bytes[place] = u8::try_from(numbers.next() % 256).unwrap(),
                2 => drop(bytes.remove(place)),
                _ => bytes.insert(place, u8::try_from(numbers.next() % 256).unwrap()),
            }
        }
        match digest(mutated) {
            Ok(_) => taken += 1,
            Err(error) => {
                assert!(error.code().starts_with("PROTOCOL_"), "{error}");
                refused += 1;
            }
        }
    }
    // Else they are too small, or too large, to meet anything.
    assert!(taken > 50 && refused > 50, "{taken} taken, {refused} refused");
}
