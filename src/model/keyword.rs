//! Types with a few values, each written as one word in the configuration and on the command line.

/// A type with a few values, each written as one word.
pub trait Keyword: Copy + 'static {
    /// All values, in the order in which help and documentation list them.
    const ALL: &'static [Self];

    /// The word for this value.
    fn as_str(self) -> &'static str;

    /// The value for a word.
    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.as_str() == word)
    }
}

/// Implements [`Keyword`] and `Display` for an enum. A variant that is left out does not compile.
macro_rules! keywords {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $crate::model::Keyword for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad($crate::model::Keyword::as_str(*self))
            }
        }
    };
}

pub(crate) use keywords;

#[cfg(test)]
mod tests {
    use super::Keyword as _;
    use crate::model::Until;

    #[test]
    fn words_are_read_as_they_are_written() {
        for until in Until::ALL {
            assert_eq!(Until::from_word(until.as_str()), Some(*until));
        }
        assert_eq!(Until::from_word("Ready"), None);
        assert_eq!(format!("{:>6}", Until::Ready), " ready");
    }
}
