//! The catalogue asked, page by page.

use super::outline::may_touch;
use super::query::Query;
use super::record::FoundGranule;
use crate::error::{Error, Result};
use crate::remote::fault::{Cure, Fault};
use crate::remote::http::{Answer, Request};
use crate::remote::{Session, status};
use serde_json::Value;
use std::collections::HashMap;
use url::Url;

/// Collections that a name is compared with, when it is not known.
const MOST_NAMES: usize = 2000;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// One of each observation, by start and name.
    pub granules: Vec<FoundGranule>,
    /// Those that gave way to a newer version: their names, and the name of what is kept.
    pub superseded: Vec<(String, String)>,
    /// How many the catalogue counted.
    pub hits: usize,
}

impl Session {
    /// Asks the catalogue for granules: all pages, the newest of each observation, and none whose outline
    /// lies outside the box.
    ///
    /// # Errors
    /// The catalogue does not answer, loses pages, or does not know the collection.
    pub fn search(&self, query: &Query) -> Result<Found> {
        let name = "the catalogue";
        let (records, hits) = self.all_pages(query).map_err(|fault| fault.of(name))?;
        if hits == 0 {
            self.check_collection(query)?;
        }
        let mut granules = Vec::with_capacity(records.len());
        for record in &records {
            let granule = FoundGranule::from_umm(record).map_err(|reason| Error::Remote {
                path: name.to_owned(),
                reason,
            })?;
            self.learn(&granule);
            granules.push(granule);
        }
        if let Some(bbox) = query.bbox {
            granules.retain(|g| g.outlines.is_empty() || may_touch(&g.outlines, bbox));
        }
        let (granules, superseded) = newest(granules);
        Ok(Found {
            granules,
            superseded,
            hits,
        })
    }

    /// Takes note of where S3 credentials for a granule are to be had.
    fn learn(&self, granule: &FoundGranule) {
        let bucket = granule.s3.as_deref().and_then(|link| Url::parse(link).ok());
        let endpoint = granule
            .s3_credentials
            .as_deref()
            .and_then(|link| Url::parse(link).ok());
        if let (Some(bucket), Some(endpoint)) = (bucket, endpoint)
            && self.http().policy().takes_token(&endpoint)
        {
            self.s3()
                .learn(bucket.host_str().unwrap_or_default(), &endpoint);
        }
    }

    /// Records of all pages, and how many the catalogue counted.
    fn all_pages(&self, query: &Query) -> std::result::Result<(Vec<Value>, usize), Fault> {
        let most = query.limit.unwrap_or(usize::MAX);
        let size = self.settings().page_size.min(most).max(1);
        let mut parameters = query.parameters();
        parameters.push(("page_size", size.to_string()));
        let mut records: Vec<Value> = Vec::new();
        let mut after = None;
        loop {
            let page = self.page("/search/granules.umm_json", &parameters, after.as_deref())?;
            let count = page.items.len();
            records.extend(page.items);
            let wanted = page.hits.min(most);
            if records.len() >= wanted {
                records.truncate(most);
                return Ok((records, page.hits));
            }
            // A page that is not full is the last one.
            if count < size || page.after.is_none() {
                return Err(Fault::new(
                    Cure::None,
                    format!(
                        "{} granules were counted, {} were given: pages are lost; search again",
                        page.hits,
                        records.len()
                    ),
                ));
            }
            after = page.after;
        }
    }

    /// Explains why nothing was found, if the collection is not known.
    fn check_collection(&self, query: &Query) -> Result<()> {
        let names = |short_name: &str, pattern: bool| -> Result<Vec<String>> {
            let mut parameters = vec![("short_name", short_name.to_owned())];
            if pattern {
                parameters.push(("options[short_name][pattern]", "true".into()));
            }
            parameters.push(("page_size", MOST_NAMES.to_string()));
            let page = self.page("/search/collections.umm_json", &parameters, None);
            let page = page.map_err(|fault| fault.of("the catalogue"))?;
            let name = |item: &Value| item.pointer("/umm/ShortName")?.as_str().map(str::to_owned);
            Ok(page.items.iter().filter_map(name).collect())
        };
        let collection = &query.collection;
        if !names(collection, false)?.is_empty() {
            return Ok(());
        }
        let start: String = collection.chars().take(4).collect();
        let known = names(&format!("{start}*"), true)?;
        let known = known.iter().map(String::as_str);
        let nearest = swathe_core::suggest::nearest(collection, known);
        Err(Error::Missing {
            path: "the catalogue".into(),
            kind: "collection",
            name: collection.clone(),
            hint: nearest.map(|name| format!("did you mean {name}?")),
        })
    }

    fn page(
        &self,
        path: &str,
        parameters: &[(&'static str, String)],
        after: Option<&str>,
    ) -> std::result::Result<Page, Fault> {
        let address = self.settings().cmr.join(path);
        let address = address.map_err(|_| Fault::new(Cure::None, "not an address"))?;
        let form: String = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        let mut request = Request {
            headers: vec![("accept", "application/json, */*".into())],
            length: 10 << 20,
            // An address may not be as long as a polygon.
            post: Some(form),
            ..Request::default()
        };
        request
            .headers
            .push(("content-type", "application/x-www-form-urlencoded".into()));
        if let Some(after) = after {
            request.headers.push(("cmr-search-after", after.to_owned()));
        }
        self.persist(|| {
            let mut answer = self.http().ask(&address, &request, |_| None)?;
            Page::read(&mut answer)
        })
    }
}

/// A page of the catalogue.
struct Page {
    items: Vec<Value>,
    hits: usize,
    after: Option<String>,
}

impl Page {
    fn read(answer: &mut Answer) -> std::result::Result<Page, Fault> {
        match answer.status {
            200 => {}
            400 | 404 | 422 => {
                let said: Option<Value> = answer
                    .bytes()
                    .ok()
                    .and_then(|b| serde_json::from_slice(&b).ok());
                let errors = said
                    .as_ref()
                    .and_then(|said| said.get("errors")?.as_array());
                let errors: Vec<&str> = errors
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                let reason = match errors.is_empty() {
                    true => format!("the question is refused (status {})", answer.status),
                    false => errors.join(" "),
                };
                return Err(Fault::new(Cure::None, reason));
            }
            other => return Err(status::fault(answer, other)),
        }
        let hits = answer.header("cmr-hits").and_then(|n| n.parse().ok());
        let after = answer.header("cmr-search-after").map(str::to_owned);
        // Another page in its place seldom goes away: that of a network that wants a sign-in, say.
        let unreadable = || Fault {
            lasting: true,
            ..Fault::new(
                Cure::Retry,
                "what answers is not the catalogue: it gives no list of granules",
            )
        };
        let mut body: Value = serde_json::from_slice(&answer.bytes()?).map_err(|_| unreadable())?;
        let counted = body.get("hits").and_then(Value::as_u64).map(|n| n as usize);
        let items = match body.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items,
            _ => return Err(unreadable()),
        };
        Ok(Page {
            items,
            hits: hits.or(counted).ok_or_else(unreadable)?,
            after,
        })
    }
}

/// One granule of each observation: the highest version, of that the refined one. And what gave way to what.
fn newest(mut granules: Vec<FoundGranule>) -> (Vec<FoundGranule>, Vec<(String, String)>) {
    granules.sort_by(|a, b| (&a.start, &a.name).cmp(&(&b.start, &b.name)));
    let rank = |g: &FoundGranule| (g.version_numbers(), !g.near_real_time, g.id.clone());
    let mut best: HashMap<(String, String), usize> = HashMap::new();
    for (i, granule) in granules.iter().enumerate() {
        let (collection, start) = granule.observation();
        let held = best
            .entry((collection.to_owned(), start.to_owned()))
            .or_insert(i);
        if rank(granule) > rank(&granules[*held]) {
            *held = i;
        }
    }
    let keeper = |g: &FoundGranule| {
        let (collection, start) = g.observation();
        best.get(&(collection.to_owned(), start.to_owned()))
            .copied()
    };
    let superseded = (granules.iter().enumerate())
        .filter_map(|(i, g)| {
            let kept = keeper(g).filter(|kept| *kept != i)?;
            Some((g.name.clone(), granules[kept].name.clone()))
        })
        .collect();
    let kept: Vec<bool> = (0..granules.len())
        .map(|i| keeper(&granules[i]) == Some(i))
        .collect();
    let mut kept = kept.into_iter();
    granules.retain(|_| kept.next().unwrap_or(true));
    (granules, superseded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_each_observation_stays() {
        let granule = |name: &str, start: &str, near_real_time| FoundGranule {
            name: name.into(),
            id: name.into(),
            collection: if near_real_time { "C_NRT" } else { "C" }.into(),
            start: start.into(),
            near_real_time,
            ..FoundGranule::default()
        };
        let (kept, superseded) = newest(vec![
            granule("a.V3_2.nc", "2024-08-01T16:20:13Z", false),
            granule("a.V3_10.NRT.nc", "2024-08-01T16:20:13.500Z", true),
            granule("a.V3_10.nc", "2024-08-01T16:20:13Z", false),
            granule("b.V3_1.NRT.nc", "2024-08-01T16:25:13Z", true),
        ]);
        let names: Vec<&str> = kept.iter().map(|g| g.name.as_str()).collect();
        assert_eq!(names, ["a.V3_10.nc", "b.V3_1.NRT.nc"]);
        assert_eq!(superseded.len(), 2);
        assert!(superseded.iter().all(|(_, kept)| kept == "a.V3_10.nc"));
    }
}
