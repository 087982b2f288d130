//! Defines the flags that name a channel.

use clap::Args;

use crate::message::{CHANNEL, channel_name};
use crate::sanitize::Clean;

/// The channel to write to.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(skip)]
pub struct ChannelArg {
    /// The channel, such as  general
    #[arg(short = 'c', long = "channel", value_name = "NAME", default_value = CHANNEL)]
    pub(super) name: String,
}

impl Default for ChannelArg {
    fn default() -> Self {
        Self { name: CHANNEL.to_string() }
    }
}

impl ChannelArg {
    /// Returns its name.
    pub fn name(&self) -> Clean {
        channel_name(&self.name)
    }
}

/// The channel to read, or all channels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[group(skip)]
pub struct ChannelFilter {
    /// Messages of this channel only
    #[arg(short = 'c', long = "channel", value_name = "NAME")]
    name: Option<String>,
}

impl ChannelFilter {
    /// Returns whether this channel is selected.
    pub fn matches(&self, channel: &Clean) -> bool {
        self.name.as_deref().is_none_or(|name| channel_name(name) == *channel)
    }
}
