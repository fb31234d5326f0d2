use std::time::Duration;

use serde_json::{Map, Value, json};

/// What a program has to show: named values in sections, for a person or for a machine.
#[derive(Debug, Default)]
pub struct Facts(Vec<(&'static str, &'static str, Value)>);

impl Facts {
    /// Adds a value. Sections are shown in the order in which they first appear.
    pub fn add(&mut self, section: &'static str, key: &'static str, value: impl Into<Value>) {
        self.0.push((section, key, value.into()));
    }

    /// Adds a time, in milliseconds; the key says so: `spawn_ms`.
    pub fn time(&mut self, section: &'static str, key: &'static str, time: Duration) {
        let milliseconds = (time.as_secs_f64() * 1e5).round() / 1e2;
        self.add(section, key, milliseconds);
    }

    /// Prints everything: aligned for a person, or as JSON with stable keys.
    #[expect(clippy::print_stdout, reason = "this is for hosts, whose stdout is their own")]
    pub fn print(&self, json: bool) {
        if json {
            println!("{}", self.to_json());
            return;
        }
        let mut last = "";
        for (section, key, value) in &self.0 {
            let heading = if *section == last { "" } else { section };
            let (name, unit) = match key.strip_suffix("_ms") {
                Some(name) => (name, " ms"),
                None => (*key, ""),
            };
            let name = name.replace('_', " ");
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            println!("{heading:<10} {name:<20}{value}{unit}");
            last = section;
        }
    }

    fn to_json(&self) -> Value {
        let mut root = Map::new();
        for (section, key, value) in &self.0 {
            let section = root.entry(*section).or_insert_with(|| json!({}));
            section[*key] = value.clone();
        }
        root.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_sections_keys_and_numbers() {
        let mut facts = Facts::default();
        facts.add("plugin", "pid", 7);
        facts.time("times", "spawn_ms", Duration::from_micros(1234));
        assert_eq!(
            facts.to_json(),
            json!({ "plugin": { "pid": 7 }, "times": { "spawn_ms": 1.23 } })
        );
    }
}
