//! Feature hashing against scikit-learn's, and the published test of the hash.

use sluicegate_model::text::error::TextError;
use sluicegate_model::text::hashed::{
    HashedSettings, HashedSource, LARGEST_COLUMN_COUNT, column_and_sign, murmur_hash_3,
};

use crate::tf_idf::term_settings;
use crate::{assert_cells, golden, hard_texts, texts};

/// The verification value that `SMHasher` publishes for this hash.
#[test]
fn hash_passes_the_verification_of_smhasher() {
    let keys: Vec<u8> = (0..=u8::MAX).collect();
    let mut hashes = Vec::new();
    for length in 0..256_u32 {
        let key = &keys[..usize::try_from(length).unwrap()];
        hashes.extend(murmur_hash_3(key, 256 - length).to_le_bytes());
    }
    assert_eq!(murmur_hash_3(&hashes, 0), 0xb0f5_7ee3);
}

/// Values that are widely published for short keys and three seeds.
#[test]
fn hash_has_the_known_values() {
    let known: [(&[u8], u32, u32); 12] = [
        (b"", 0, 0),
        (b"", 1, 0x514e_28b7),
        (b"", 0xffff_ffff, 0x81f1_6f39),
        (&[0xff; 4], 0, 0x7629_3b50),
        (&[0x21, 0x43, 0x65, 0x87], 0, 0xf55b_516b),
        (&[0x21, 0x43, 0x65, 0x87], 0x5082_edee, 0x2362_f9de),
        (&[0x21, 0x43, 0x65], 0, 0x7e4a_8634),
        (&[0x21, 0x43], 0, 0xa0f7_b07a),
        (&[0x21], 0, 0x7266_1cf4),
        (&[0; 4], 0, 0x2362_f9de),
        (b"Hello, world!", 0x9747_b28c, 0x2488_4cba),
        (b"The quick brown fox jumps over the lazy dog", 0x9747_b28c, 0x2fa8_26cd),
    ];
    for (bytes, seed, expected) in known {
        assert_eq!(murmur_hash_3(bytes, seed), expected, "{bytes:?} {seed:x}");
    }
}

/// Hashes of varied texts with varied seeds agree.
#[test]
fn hash_is_that_of_scikit_learn() {
    for case in golden("hashed")["hashes"].as_array().unwrap() {
        let seed = u32::try_from(case[1].as_u64().unwrap()).unwrap();
        let actual = murmur_hash_3(case[0].as_str().unwrap().as_bytes(), seed);
        assert_eq!(u64::from(actual), case[2].as_u64().unwrap(), "{case}");
    }
}

/// Hashed categories and terms agree for varied numbers of columns.
#[test]
fn columns_are_those_of_scikit_learn() {
    for case in golden("hashed")["cases"].as_array().unwrap() {
        let source = match &case["terms"] {
            serde_json::Value::Null => HashedSource::Category,
            terms => HashedSource::Terms(term_settings(terms)),
        };
        let columns = u32::try_from(case["columns"].as_u64().unwrap()).unwrap();
        let settings = HashedSettings { columns, source };
        let texts = texts(&case["texts"]);
        let actual = settings.apply("text", &texts).unwrap();
        assert_eq!(actual.len(), usize::try_from(columns).unwrap());
        assert_eq!(actual[0].0, "text:0");
        assert_cells(&actual, texts.len(), &case["cells"], &format!("{settings:?}"));
    }
}

/// The hash without a positive counterpart neither panics nor goes astray.
#[test]
fn smallest_hash_has_a_column() {
    let golden = golden("hashed");
    let text = golden["smallest"].as_str().unwrap();
    assert_eq!(murmur_hash_3(text.as_bytes(), 0).cast_signed(), i32::MIN);
    for columns in [1, 3, 1000, 1 << 20, u32::MAX] {
        let (index, sign) = column_and_sign(text, columns);
        assert_eq!((index, sign < 0.0), ((1 << 31) % columns, true));
    }
    assert_eq!(column_and_sign(text, 0).0, 0);
}

/// An empty category is not a missing one.
#[test]
fn missing_category_has_zeros_and_an_empty_one_is_hashed() {
    let settings = HashedSettings { columns: 2, source: HashedSource::Category };
    let columns = settings.apply("kind", &[None, Some("")]).unwrap();
    assert_eq!(columns, [("kind:0".into(), vec![0.0, 1.0]), ("kind:1".into(), vec![0.0, 0.0])]);
}

/// Zero columns and too many are refused.
#[test]
fn number_of_columns_has_limits() {
    for columns in [0, LARGEST_COLUMN_COUNT + 1, u32::MAX] {
        let error = HashedSettings { columns, source: HashedSource::Category }.apply("x", &[]).unwrap_err();
        assert!(matches!(error, TextError::Setting { name: "columns", .. }));
    }
}

/// Settings are the same after they are written and read.
#[test]
fn settings_survive_json() {
    for source in [HashedSource::Category, HashedSource::Terms(term_settings(&serde_json::Value::Null))] {
        let settings = HashedSettings { columns: 8, source };
        let written = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<HashedSettings>(&written).unwrap(), settings);
    }
}

/// Long and odd categories are hashed.
#[test]
fn hard_texts_are_hashed_without_panic() {
    let owned = hard_texts();
    let texts: Vec<Option<&str>> = owned.iter().map(|text| Some(text.as_str())).collect();
    let settings = HashedSettings { columns: 5, source: HashedSource::Category };
    assert_eq!(settings.apply("text", &texts).unwrap().len(), 5);
}
