//! How a configuration is defined: each key once, with its name, its documentation, its type and its default.

use std::ops::{Deref, DerefMut};

use npv_models::source::Span;
use npv_models::yaml::Node;
use serde_json::Value as Json;

use super::read::Reader;
use super::show::Row;

/// Where the value of a setting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// Nobody set it.
    Default,
    /// The configuration file.
    File(Span),
    /// A switch of the command line, as it is spelt.
    Switch(&'static str),
}

/// A value with the place that it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting<T> {
    /// The value in force.
    pub value: T,
    /// Who set it.
    pub from: From,
}

impl<T> Setting<T> {
    /// Overrides the value by that of a switch, where the switch is given.
    pub fn switch(&mut self, name: &'static str, value: Option<T>) {
        if let Some(value) = value {
            *self = Self { value, from: From::Switch(name) };
        }
    }

    /// Where the file sets it.
    pub fn span(&self) -> Option<Span> {
        match self.from {
            From::File(span) => Some(span),
            From::Default | From::Switch(_) => None,
        }
    }
}

impl<T> std::convert::From<T> for Setting<T> {
    fn from(value: T) -> Self {
        Self { value, from: From::Default }
    }
}

impl<T> Deref for Setting<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Setting<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// A type that settings have.
pub(super) trait Value: Sized {
    /// The JSON Schema of what may be written.
    fn schema() -> Json;

    /// Reads a value that is there; `None` where it is wrong, which has then been reported.
    fn read(reader: &mut Reader, path: &str, node: &Node) -> Option<Self>;

    /// The value as it would be written.
    fn json(&self) -> Json;

    /// Adds the settings in force; a section has several.
    fn rows(&self, path: &str, from: From, rows: &mut Vec<Row>) {
        rows.push(Row { path: path.to_owned(), value: self.json(), from });
    }
}

/// Defines a section: its fields with documentation, key, type and default.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        pub struct $name:ident $(requires [$($required:literal),+])? {
            $( $(#[doc = $doc:literal])+ $field:ident $key:literal : $type:ty = $default:expr, )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $field: $crate::config::define::Setting<$type>, )+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default.into(), )+ }
            }
        }

        impl $crate::config::define::Value for $name {
            fn schema() -> serde_json::Value {
                $crate::config::schema::object(
                    concat!($($about),+),
                    vec![$((
                        $key,
                        concat!($($doc),+),
                        <$type as $crate::config::define::Value>::schema(),
                    )),+],
                    &[$($($required),+)?],
                )
            }

            fn read(
                reader: &mut $crate::config::read::Reader,
                path: &str,
                node: &npv_models::yaml::Node,
            ) -> Option<Self> {
                let entries = reader.fields(path, node, &[$($key),+], &[$($($required),+)?])?;
                let mut section = Self::default();
                for entry in entries {
                    let path = $crate::config::read::join(path, &entry.key);
                    match &*entry.key {
                        $( $key => {
                            let value = $crate::config::define::Value::read(reader, &path, &entry.value);
                            if let Some(value) = value {
                                let from = $crate::config::define::From::File(entry.value.span);
                                section.$field = $crate::config::define::Setting { value, from };
                            }
                        } )+
                        _ => {}
                    }
                }
                Some(section)
            }

            fn json(&self) -> serde_json::Value {
                let mut map = serde_json::Map::new();
                $( if self.$field.from != $crate::config::define::From::Default {
                    let json = $crate::config::define::Value::json(&self.$field.value);
                    map.insert($key.to_owned(), json);
                } )+
                serde_json::Value::Object(map)
            }

            fn rows(
                &self,
                path: &str,
                _: $crate::config::define::From,
                rows: &mut Vec<$crate::config::show::Row>,
            ) {
                $( {
                    let path = $crate::config::read::join(path, $key);
                    let value = &self.$field.value;
                    $crate::config::define::Value::rows(value, &path, self.$field.from, rows);
                } )+
            }
        }
    };
}
pub(super) use section;
