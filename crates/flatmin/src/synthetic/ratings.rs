//! Ratings of items by users, in the shape that published rating data have.
//!
//! # How many
//! The counts of the users fall with their rank as 20 + C·(1 + r/(n/500))^−0.9, those of the items are drawn with chances
//! that fall as (1 + r/(n/50))^−2.2 (Zipf and Mandelbrot); users and items stand in random order. In the shape of
//! MovieLens 10M (Harper and Konstan 2015, DOI 10.1145/2827872) the medians and maxima of the counts are 69 and 7158 of
//! users (there 69 and 7359), about 160 and 30000 of items (there 135 and 34864). No user rates an item twice, and every
//! item has a rating.
//!
//! # Which
//! The taste of user u for item i is 3.5 + a_u + b_i + Σ_c s_c p_uc q_ic with independent normal numbers: a_u and b_i of
//! standard deviation 0.42, p and q of 1, and s_c falling as 1/c with Σ s_c² = 0.4². A rating is the taste and normal noise,
//! of standard deviation 0.75, to the nearest half star, from 0.5 to 5.

use faer::Mat;

use crate::error::Error;
use crate::random::Stream;

/// Fewest ratings of a user, where there are enough.
const FEWEST: f64 = 20.0;
/// Standard deviation of the biases, and of what both together decide.
const BIAS: f64 = 0.42;
const TASTE: f64 = 0.4;
/// Standard deviation of what nothing predicts: no prediction is better than that.
const NOISE: f64 = 0.75;
/// A user of more than this share of the items is drawn by sorting all of them.
const MANY: f64 = 0.1;

/// Users by items, how many ratings, and the rank of the taste.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RatingsShape {
    /// d1, at least 1.
    pub users: usize,
    /// d2, at least 1.
    pub items: usize,
    /// m, at least d1 + d2 and at most half of d1·d2.
    pub ratings: usize,
    /// r, beside the two ranks of the biases.
    pub rank: usize,
}

impl RatingsShape {
    /// As many users, items and ratings as MovieLens 1M has.
    pub const MILLION: RatingsShape = RatingsShape::new(6_040, 3_706, 1_000_209);
    /// As MovieLens 10M.
    pub const TEN_MILLION: RatingsShape = RatingsShape::new(69_878, 10_677, 10_000_054);
    /// As MovieLens 20M.
    pub const TWENTY_MILLION: RatingsShape = RatingsShape::new(138_493, 26_744, 20_000_263);

    /// With a taste of rank 10.
    pub const fn new(users: usize, items: usize, ratings: usize) -> Self {
        RatingsShape {
            users,
            items,
            ratings,
            rank: 10,
        }
    }
}

/// Ratings, user after user, with the items of each rising.
#[derive(Clone, Debug)]
pub struct Ratings {
    /// User of each rating, 0-based.
    pub rows: Vec<u32>,
    /// Item of each rating, 0-based.
    pub columns: Vec<u32>,
    /// Stars: 0.5, 1, …, 5.
    pub y: Vec<f64>,
}

impl Ratings {
    /// Draws them; the same numbers for the same stream.
    ///
    /// # Errors
    /// Fewer ratings than users and items together, or more than half of the places; 2³² of anything.
    pub fn draw(stream: &mut Stream, shape: &RatingsShape) -> Result<Self, Error> {
        check(shape)?;
        let RatingsShape {
            users,
            items,
            ratings,
            ..
        } = *shape;
        let counts = counts(stream, users, items, ratings);
        let places = Places::draw(stream, &counts, items);
        let tastes = Tastes::draw(stream, shape);
        let at = |(u, i): (&u32, &u32)| stars(tastes.at(*u as usize, *i as usize) + NOISE * stream.normal());
        let y = places.rows.iter().zip(&places.columns).map(at).collect();
        Ok(Ratings {
            rows: places.rows,
            columns: places.columns,
            y,
        })
    }
}

fn check(shape: &RatingsShape) -> Result<(), Error> {
    let RatingsShape {
        users,
        items,
        ratings,
        ..
    } = *shape;
    let refuse = |what, found: usize, expected: String| {
        Err(Error::Shape {
            what,
            found: found.to_string(),
            expected,
        })
    };
    if users == 0 || items == 0 || ratings > u32::MAX as usize {
        let found = users.min(items).min(ratings);
        return refuse(
            "users, items or ratings",
            found,
            "at least 1, fewer than 2^32".into(),
        );
    }
    let (least, most) = (users.saturating_add(items), users.saturating_mul(items) / 2);
    if ratings < least || ratings > most {
        let expected = format!("{least} (users + items) to {most} (half of all places)");
        return refuse("ratings", ratings, expected);
    }
    Ok(())
}

/// The nearest half star.
fn stars(taste: f64) -> f64 {
    ((2.0 * taste).round() / 2.0).clamp(0.5, 5.0)
}

/// (1 + r/(share·n))^−exponent for r = 0, 1, …, n − 1, in random order.
fn falling(stream: &mut Stream, n: usize, share: f64, exponent: f64) -> Vec<f64> {
    let order = shuffled(stream, n);
    let scale = share * n as f64;
    let mut weights = vec![0.0; n];
    for (r, place) in order.into_iter().enumerate() {
        weights[place] = (1.0 + r as f64 / scale).powf(-exponent);
    }
    weights
}

/// The numbers below n in random order (Fisher and Yates).
fn shuffled(stream: &mut Stream, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, (stream.uniform() * (i + 1) as f64) as usize);
    }
    order
}

/// How many ratings each user gives: the sum is exact, none has more than there are items.
fn counts(stream: &mut Stream, users: usize, items: usize, ratings: usize) -> Vec<usize> {
    let weights = falling(stream, users, 1.0 / 500.0, 0.9);
    let least = FEWEST.min(0.5 * ratings as f64 / users as f64);
    let scale = (ratings as f64 - least * users as f64) / weights.iter().sum::<f64>();
    let wanted = weights.iter().map(|weight| (least + scale * weight) as usize);
    let mut counts: Vec<usize> = wanted.map(|count| count.clamp(1, items)).collect();
    // Rounding and the bounds have moved the sum: single ratings, to or from the users in turn, put it right.
    let mut sum: usize = counts.iter().sum();
    for u in (0..users).cycle() {
        match sum.cmp(&ratings) {
            std::cmp::Ordering::Equal => break,
            std::cmp::Ordering::Less if counts[u] < items => (counts[u], sum) = (counts[u] + 1, sum + 1),
            std::cmp::Ordering::Greater if counts[u] > 1 => (counts[u], sum) = (counts[u] - 1, sum - 1),
            _ => {}
        }
    }
    counts
}

/// Who rates what.
struct Places {
    rows: Vec<u32>,
    columns: Vec<u32>,
}

impl Places {
    /// Each user's items, without repetition, more often those of large weight; each item once at least.
    fn draw(stream: &mut Stream, counts: &[usize], items: usize) -> Self {
        let weights = falling(stream, items, 1.0 / 50.0, 2.2);
        let sums: Vec<f64> = weights
            .iter()
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        let mut firsts = first_items(stream, counts, items);
        let total = counts.iter().sum();
        let (mut rows, mut columns) = (Vec::with_capacity(total), Vec::with_capacity(total));
        let mut user_of = vec![u32::MAX; items];
        for (u, (count, first)) in counts.iter().zip(&mut firsts).enumerate() {
            let user = u as u32;
            let mut chosen = std::mem::take(first);
            chosen.iter().for_each(|item| user_of[*item as usize] = user);
            let missing = count - chosen.len();
            if *count as f64 > MANY * items as f64 {
                chosen.extend(heaviest(stream, &weights, missing, |item| user_of[item] == user));
            }
            while chosen.len() < *count {
                let item = by_weight(stream, &sums);
                if user_of[item] != user {
                    user_of[item] = user;
                    chosen.push(item as u32);
                }
            }
            chosen.sort_unstable();
            rows.extend(std::iter::repeat_n(user, *count));
            columns.extend(chosen);
        }
        Places { rows, columns }
    }
}

/// A first rating for every item, of users with room for it.
fn first_items(stream: &mut Stream, counts: &[usize], items: usize) -> Vec<Vec<u32>> {
    let users = counts.len();
    let mut firsts: Vec<Vec<u32>> = vec![Vec::new(); users];
    for item in 0..items as u32 {
        let start = (stream.uniform() * users as f64) as usize;
        let mut turn = (start..users).chain(0..start);
        // There are more ratings than items, so somebody has room.
        if let Some(user) = turn.find(|user| firsts[*user].len() < counts[*user]) {
            firsts[user].push(item);
        }
    }
    firsts
}

/// A number drawn with chances in the proportion of the weights, whose running sums are given.
fn by_weight(stream: &mut Stream, sums: &[f64]) -> usize {
    let last = sums.len() - 1;
    let target = stream.uniform() * sums[last];
    sums.partition_point(|sum| *sum <= target).min(last)
}

/// What drawing by weight without repetition gives, at once: the `count` smallest of independent exponential times with the
/// weights as rates (Efraimidis and Spirakis 2006, DOI 10.1016/j.ipl.2005.11.003).
fn heaviest(stream: &mut Stream, weights: &[f64], count: usize, taken: impl Fn(usize) -> bool) -> Vec<u32> {
    let mut times: Vec<(f64, u32)> = weights
        .iter()
        .enumerate()
        .map(|(item, weight)| (-(1.0 - stream.uniform()).ln() / weight, item as u32))
        .filter(|(_, item)| !taken(*item as usize))
        .collect();
    if count < times.len() {
        times.select_nth_unstable_by(count, |a, b| a.0.total_cmp(&b.0));
    }
    times.into_iter().take(count).map(|(_, item)| item).collect()
}

/// What users like.
struct Tastes {
    users: Mat<f64>,
    items: Mat<f64>,
    user_biases: Vec<f64>,
    item_biases: Vec<f64>,
}

impl Tastes {
    fn draw(stream: &mut Stream, shape: &RatingsShape) -> Self {
        let rank = shape.rank;
        let norm = (1..=rank).map(|c| 1.0 / (c * c) as f64).sum::<f64>().sqrt();
        // Column after column of r numbers: those of one user stand together.
        let users = stream.normal_matrix(rank, shape.users);
        let items = stream.normal_matrix(rank, shape.items);
        let mut biases = |n| stream.normals(n).into_iter().map(|v| BIAS * v).collect();
        Tastes {
            users: Mat::from_fn(rank, shape.users, |c, u| {
                TASTE / norm / (c + 1) as f64 * users[(c, u)]
            }),
            items,
            user_biases: biases(shape.users),
            item_biases: biases(shape.items),
        }
    }

    fn at(&self, u: usize, i: usize) -> f64 {
        let (p, q) = (self.users.col_as_slice(u), self.items.col_as_slice(i));
        3.5 + self.user_biases[u] + self.item_biases[i] + p.iter().zip(q).map(|(p, q)| p * q).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted_counts(keys: &[u32], n: usize) -> Vec<usize> {
        let mut counts = vec![0; n];
        keys.iter().for_each(|key| counts[*key as usize] += 1);
        counts.sort_unstable();
        counts
    }

    #[test]
    fn ratings_have_the_shape_asked_for() {
        let shape = RatingsShape::new(2000, 300, 60_000);
        let made = Ratings::draw(&mut Stream::new(5), &shape).unwrap();
        assert_eq!(made.y.len(), 60_000);
        let places: Vec<_> = made.rows.iter().zip(&made.columns).collect();
        assert!(
            places.windows(2).all(|pair| pair[0] < pair[1]),
            "sorted, none twice"
        );
        assert!(
            made.y
                .iter()
                .all(|y| (1.0..=10.0).contains(&(2.0 * y)) && (2.0 * y).fract() == 0.0)
        );
        let (users, items) = (sorted_counts(&made.rows, 2000), sorted_counts(&made.columns, 300));
        assert!(users[0] >= 15 && items[0] >= 1, "{} {}", users[0], items[0]);
        assert!(
            users[1999] > 5 * users[1000] && items[299] > 5 * items[150],
            "few have many"
        );
        let again = Ratings::draw(&mut Stream::new(5), &shape).unwrap();
        assert_eq!((again.columns, again.y), (made.columns, made.y));
    }

    #[test]
    fn most_of_what_varies_is_noise_and_the_rest_is_not() {
        let shape = RatingsShape::new(1000, 400, 50_000);
        let y = Ratings::draw(&mut Stream::new(1), &shape).unwrap().y;
        let mean = y.iter().sum::<f64>() / 5e4;
        let variance = y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 5e4;
        assert!((mean - 3.5).abs() < 0.15, "{mean}");
        assert!((0.85..1.25).contains(&variance), "{variance}");
    }

    #[test]
    fn counts_that_fit_no_table_are_refused() {
        for (users, items, ratings) in [(10, 10, 19), (10, 10, 51), (0, 5, 5)] {
            assert!(Ratings::draw(&mut Stream::new(0), &RatingsShape::new(users, items, ratings)).is_err());
        }
        for ratings in [20, 50] {
            let made = Ratings::draw(&mut Stream::new(0), &RatingsShape::new(10, 10, ratings)).unwrap();
            assert_eq!(made.y.len(), ratings);
            assert_eq!(sorted_counts(&made.columns, 10)[0].min(1), 1);
        }
    }
}
