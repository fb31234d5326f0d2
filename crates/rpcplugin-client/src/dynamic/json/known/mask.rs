use prost_types::FieldMask;

/// Reads paths in lowerCamelCase, separated by commas.
pub(super) fn read(text: &str) -> Option<FieldMask> {
    if text.is_empty() {
        return Some(FieldMask::default());
    }
    let paths = text.split(',').map(snake).collect::<Option<_>>()?;
    Some(FieldMask { paths })
}

/// The text of a mask; `None` if a path would not come back from it.
pub(in crate::dynamic::json) fn text(mask: &FieldMask) -> Option<String> {
    let paths: Option<Vec<_>> = mask.paths.iter().map(|path| camel(path)).collect();
    Some(paths?.join(","))
}

fn snake(path: &str) -> Option<String> {
    let mut snake = String::with_capacity(path.len() + 4);
    for c in path.chars() {
        match c {
            'A'..='Z' => snake.extend(['_', c.to_ascii_lowercase()]),
            'a'..='z' | '0'..='9' | '.' => snake.push(c),
            _ => return None,
        }
    }
    Some(snake).filter(|snake| !snake.is_empty())
}

fn camel(path: &str) -> Option<String> {
    let mut camel = String::with_capacity(path.len());
    let mut after_underscore = false;
    for c in path.chars() {
        match c {
            '_' if after_underscore => return None,
            '_' => after_underscore = true,
            'a'..='z' if after_underscore => {
                camel.push(c.to_ascii_uppercase());
                after_underscore = false;
            }
            'a'..='z' | '0'..='9' | '.' if !after_underscore => camel.push(c),
            _ => return None,
        }
    }
    Some(camel).filter(|_| !after_underscore)
}
