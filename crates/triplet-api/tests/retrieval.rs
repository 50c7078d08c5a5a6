//! Retrieval: worked out by hand, and every backend against the reference.

use triplet_api::{
    Distance, Error, MemoryLimits, Retrieval, Workspace,
    retrieval::{Request, Rows},
};
use triplet_core::Batch;
use triplet_testkit::{contenders, inputs::clusters, sample};

/// Every engine, the Gram backend too: it searches as the fused engine does. What a workspace may keep
/// in memory plays no part in retrieval.
fn all_engines() -> Vec<(String, Workspace<f32>)> {
    let contenders = contenders().unwrap().into_iter();
    let full = contenders.filter(|contender| contender.limits == MemoryLimits::default());
    let all = full.chain([triplet_testkit::engines::gram().unwrap()]);
    all.map(triplet_testkit::engines::Contender::workspace).collect()
}

#[test]
fn worked_out_by_hand() {
    // Row 0 (class 0, R = 2) ranks 1, 2, 3: right, wrong. AP = (1/1) / 2.
    // Row 1 (class 0) ranks 0 and 2 (a tie, lower row first): AP = 1/2.
    // Row 2 (class 1, R = 1) ranks 1: wrong; 4 is fourth. Row 3 (class 0) ranks 2, 1: AP = (1/2) / 2.
    // Row 4 (class 1) ranks 3: wrong, then 2. Row 5 is alone in its class.
    let batch = Batch::new(&[0.0_f32, 1.0, 2.0, 3.5, 9.0, 100.0], 1, &[0, 0, 1, 0, 1, 2]).unwrap();
    for (name, mut workspace) in all_engines() {
        // However deep, no deeper than there are rows.
        let depths = [2, 4, usize::MAX];
        let found = Retrieval::self_retrieval(&batch, &depths, Distance::L2, &mut workspace).unwrap();
        assert_eq!(found.queries, 5, "{name}");
        // Two neighbours of row 2 are ranked, none of its class.
        let shallow = Retrieval::self_retrieval(&batch, &[2], Distance::L2, &mut workspace).unwrap();
        assert_eq!(shallow.recall, [(1, 2.0 / 5.0), (2, 4.0 / 5.0)], "{name}");
        assert_eq!(found.recall, [(1, 2.0 / 5.0), (2, 4.0 / 5.0), (4, 1.0), (usize::MAX, 1.0)], "{name}");
        assert_eq!(found.precision_at_1(), 2.0 / 5.0, "{name}");
        assert!((found.map_at_r - (0.5 + 0.5 + 0.0 + 0.25 + 0.0) / 5.0).abs() < 1e-15, "{name}");
        assert!((found.r_precision - (0.5 + 0.5 + 0.0 + 0.5 + 0.0) / 5.0).abs() < 1e-15, "{name}");
    }
}

#[test]
fn queries_search_references_of_which_a_class_may_be_missing() {
    let references = Batch::new(&[0.0_f32, 1.0, 5.0], 1, &[7, 8, 7]).unwrap();
    // At 0.9: 8, 7, 7 for a query of 7: AP = (1/2) / 2. The query of 9 has nothing to find.
    let queries = Batch::new(&[0.9_f32, 2.0], 1, &[7, 9]).unwrap();
    for (name, mut workspace) in all_engines() {
        let among = |workspace: &mut _| {
            Retrieval::query_reference(&queries, &references, &[2], Distance::L2, workspace)
        };
        let found = among(&mut workspace).unwrap();
        assert_eq!((found.queries, found.map_at_r, found.r_precision), (1, 0.25, 0.5), "{name}");
        assert_eq!(found.recall, [(1, 0.0), (2, 1.0)], "{name}");
    }
    let wide = Batch::new(&[0.0_f32, 1.0], 2, &[7]).unwrap();
    let error = Retrieval::query_reference(&wide, &references, &[], Distance::L2, &mut Workspace::default())
        .unwrap_err();
    assert_eq!(error, Error::WidthMismatch { queries: 2, references: 1 });
}

#[test]
fn a_query_neither_finds_nor_misses_rows_of_its_id() {
    // Pictures 1, 2, 3; picture 1 is there twice, as is picture 3.
    let gallery = Batch::new(&[0.0_f32, 0.25, 3.0, 1.0, 4.0, 9.0], 1, &[7, 7, 8, 8, 7, 7]).unwrap();
    let gallery = Rows { batch: &gallery, ids: Some(&[1, 1, 2, 4, 5, 3]) };
    // Query 1 (7): finds 1.0 (8), 3.0 (8), 4.0 (7), 9.0 (7), so R = 2 and nothing is right.
    // Query 3 (7): finds 4.0 (7), 3.0 (8), 1.0 (8), .., so R = 3 and AP = (1/1) / 3 .. and rank 4 is beyond R.
    // Query 2 (8): finds 4.0 (7), 1.0 (8), so R = 1 and nothing is right.
    // Query 6 (8), of no picture there: finds 1.0 (8), .., 3.0 (8) fourth: R = 2, AP = (1/1) / 2.
    let queries = Batch::new(&[0.0_f32, 9.0, 3.25, 0.75], 1, &[7, 7, 8, 8]).unwrap();
    let queries = Rows { batch: &queries, ids: Some(&[1, 3, 2, 6]) };
    let request = Request {
        queries,
        references: Some(gallery),
        depths: &[2, 3],
        distance: Distance::L2,
        centre: false,
    };
    for (name, mut workspace) in all_engines() {
        let found = Retrieval::answer(&request, &mut workspace).unwrap();
        assert_eq!(found.queries, 4, "{name}");
        assert_eq!(found.recall, [(1, 2.0 / 4.0), (2, 3.0 / 4.0), (3, 4.0 / 4.0)], "{name}");
        assert!((found.r_precision - (0.0 + 1.0 / 3.0 + 0.0 + 0.5) / 4.0).abs() < 1e-15, "{name}");
        assert!((found.map_at_r - (0.0 + 1.0 / 3.0 + 0.0 + 0.5) / 4.0).abs() < 1e-15, "{name}");
        // Whoever has nothing else of its class is no query.
        let alone = Batch::new(&[0.0_f32, 1.0, 2.5, 3.0], 1, &[1, 1, 2, 2]).unwrap();
        let queries = Rows { batch: &alone, ids: Some(&[9, 9, 8, 7]) };
        let within = Request { queries, references: None, depths: &[], ..request };
        let found = Retrieval::answer(&within, &mut workspace).unwrap();
        assert_eq!((found.queries, found.precision_at_1()), (2, 1.0), "{name}");
    }
}

#[test]
fn ids_go_with_rows_and_centring_with_euclidean_distances() {
    let batch = Batch::new(&[0.0_f32, 1.0, 5.0], 1, &[7, 8, 7]).unwrap();
    let rows = Rows::from(&batch);
    let request =
        Request { queries: rows, references: Some(rows), depths: &[], distance: Distance::L2, centre: false };
    let refused = |request: Request<'_>| Retrieval::answer(&request, &mut Workspace::default()).unwrap_err();
    let two = Rows { batch: &batch, ids: Some(&[1, 2]) };
    let three = Rows { batch: &batch, ids: Some(&[1, 2, 3]) };
    let length = |side| Error::IdsLength { side, ids: 2, rows: 3 };
    assert_eq!(refused(Request { queries: two, references: Some(three), ..request }), length("queries"));
    assert_eq!(refused(Request { queries: three, references: Some(two), ..request }), length("references"));
    assert_eq!(refused(Request { queries: two, references: None, ..request }), length("queries"));
    let missing = |side| Error::IdsMissing { side };
    assert_eq!(refused(Request { queries: three, ..request }), missing("references"));
    assert_eq!(refused(Request { references: Some(three), ..request }), missing("queries"));
    let angular = Request { distance: Distance::Angular, centre: true, ..request };
    assert_eq!(refused(angular), Error::CentredAngles);
}

#[test]
fn a_common_offset_shows_in_the_rounding_and_centring_takes_it_away() {
    let (rows, width) = (600, 24);
    let (embeddings, labels) = clusters(rows, width, 6, 0.9, 3);
    // An offset that moves no component by a rounding: what differs is the distances' alone.
    let grid = |x: f32| (x * 256.0).round() / 256.0;
    let near: Vec<f32> = embeddings.iter().map(|&x| grid(x)).collect();
    let far: Vec<f32> = near.iter().map(|x| x + 4096.0).collect();
    let double: Vec<f64> = far.iter().map(|&x| f64::from(x)).collect();
    let tenth = near.iter().zip(&far).enumerate();
    let mixed: Vec<f32> = tenth.map(|(i, (n, f))| if i < far.len() / 10 { *f } else { *n }).collect();
    let (near, far, mixed) = [&near, &far, &mixed].map(|x| Batch::new(x, width, &labels).unwrap()).into();
    let double = Batch::new(&double, width, &labels).unwrap();
    for (name, mut workspace) in all_engines() {
        let mut ask = |batch: &Batch<'_>, distance, centre| {
            let request = Request { queries: batch.into(), references: None, depths: &[], distance, centre };
            Retrieval::answer(&request, &mut workspace).unwrap()
        };
        let right = ask(&near, Distance::L2, false);
        assert!(right.rounding > 0.0 && right.rounding < 1e-3, "{name}: {}", right.rounding);
        let lost = ask(&far, Distance::L2, false);
        assert!(lost.rounding > 1.0 && lost.map_at_r < right.map_at_r - 0.1, "{name}: {lost:?}");
        for distance in [Distance::L2, Distance::SquaredL2] {
            let centred = ask(&far, distance, true);
            assert_eq!(
                Retrieval { rounding: 0.0, ..centred.clone() },
                Retrieval { rounding: 0.0, ..right.clone() }
            );
            assert!(centred.rounding < 1e-3, "{name}: {}", centred.rounding);
        }
        // From far away all rows lie in one direction.
        assert!(ask(&far, Distance::Angular, false).rounding > 1.0, "{name}");
        assert!(ask(&near, Distance::Angular, false).rounding < 1e-3, "{name}");
        assert!(ask(&mixed, Distance::L2, false).rounding > 1.0, "{name}: a tenth of the rows is far away");
        // Equal rows are at distance 0 without a rounding.
        let equal = Batch::new(&[4096.0_f32; 8], 2, &[0, 0, 1, 1]).unwrap();
        assert_eq!(ask(&equal, Distance::L2, false).rounding, 0.0, "{name}");
    }
    let found = Retrieval::self_retrieval(&double, &[], Distance::L2, &mut Workspace::default()).unwrap();
    assert!(found.rounding < 1e-3);
}

#[test]
fn centring_subtracts_the_mean_of_what_is_searched_from_both_sides() {
    let references = Batch::new(&[101.0_f32, 103.0, 102.0, 110.0], 2, &[1, 2]).unwrap();
    let queries = Batch::new(&[101.5_f32, 104.0], 2, &[1]).unwrap();
    let request = |references, queries, centre| {
        let (queries, references) = (Rows::from(queries), Some(Rows::from(references)));
        let request = Request { queries, references, depths: &[], distance: Distance::L2, centre };
        Retrieval::answer(&request, &mut Workspace::default()).unwrap()
    };
    let moved = Batch::new(&[-0.5_f32, -3.5, 0.5, 3.5], 2, &[1, 2]).unwrap();
    let asking = Batch::new(&[0.0_f32, -2.5], 2, &[1]).unwrap();
    assert_eq!(request(&references, &queries, true), request(&moved, &asking, false));
}

#[test]
fn nothing_to_search_is_a_result() {
    for (name, mut workspace) in all_engines() {
        for labels in [&[][..], &[3], &[1, 2]] {
            let rows = vec![0.5_f32; labels.len()];
            let batch = Batch::new(&rows, 1, labels).unwrap();
            let found = Retrieval::self_retrieval(&batch, &[5], Distance::Angular, &mut workspace).unwrap();
            assert_eq!((found.queries, found.precision_at_1(), found.map_at_r), (0, 0.0, 0.0), "{name}");
        }
    }
}

#[test]
fn all_backends_agree_to_the_last_bit() {
    let mut engines = all_engines();
    // Rows, width, rows a class: blocks cut everywhere, and more wanted than are kept at once.
    let shapes = [(700, 3, 350), (1300, 40, 8), (97, 130, 97), (2100, 5, 1)];
    let clustered = shapes.map(|(rows, width, per_class)| {
        let (embeddings, labels) = clusters(rows, width, per_class, 0.5, 7);
        (embeddings, width, labels)
    });
    let odd = (0..60).map(|number| sample(3, number)).map(|s| (s.embeddings, s.width, s.labels));
    for (number, (embeddings, width, labels)) in clustered.into_iter().chain(odd).enumerate() {
        let batch = Batch::new(&embeddings, width, &labels).unwrap();
        let cut = labels.len() / 3;
        let queries = Batch::new(&embeddings[..cut * width], width, &labels[..cut]).unwrap();
        let references = Batch::new(&embeddings[cut * width..], width, &labels[cut..]).unwrap();
        for distance in Distance::ALL {
            let mut first = None;
            for (name, workspace) in &mut engines {
                let within = Retrieval::self_retrieval(&batch, &[1, 10, 100], distance, workspace).unwrap();
                // Every id is there several times, on both sides.
                let ids: Vec<i64> = (0..labels.len() as i64).map(|row| row % 7).collect();
                let own_ids = Rows { batch: &batch, ids: Some(&ids) };
                let numbers: Vec<i64> = (0..labels.len() as i64).collect();
                let numbered = Rows { batch: &batch, ids: Some(&numbers) };
                let searches = [
                    (own_ids, None),
                    (numbered, Some(numbered)),
                    (Rows { batch: &queries, ids: Some(&ids[..cut]) }, Some(own_ids)),
                ];
                let mut found = vec![
                    within.clone(),
                    Retrieval::query_reference(&queries, &references, &[5], distance, workspace).unwrap(),
                ];
                // The reference takes long for many rows.
                let searches = if labels.len() < 1000 { &searches[..] } else { &[] };
                for &(queries, references) in searches {
                    let request =
                        Request { queries, references, depths: &[1, 10, 100], distance, centre: false };
                    found.push(Retrieval::answer(&request, workspace).unwrap());
                }
                // A gallery that is the queries, each without itself, is a search within.
                if !searches.is_empty() {
                    assert_eq!(found[3], within, "{name}: batch {number}, {distance:?}");
                }
                let expected: &Vec<Retrieval> = first.get_or_insert_with(|| found.clone());
                assert_eq!(&found, expected, "{name}: batch {number}, {distance:?}");
            }
        }
    }
}
