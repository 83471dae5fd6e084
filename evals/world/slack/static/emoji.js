// The emoji that apps use in messages, by the names Slack gives them; any other name is shown as it was written.
const PAIRS = "warning ⚠️ rotating_light 🚨 white_check_mark ✅ heavy_check_mark ✔️ x ❌ eyes 👀 fire 🔥 hourglass ⌛ "
  + "hourglass_flowing_sand ⏳ tada 🎉 +1 👍 thumbsup 👍 -1 👎 thumbsdown 👎 bell 🔔 no_bell 🔕 lock 🔒 unlock 🔓 mag 🔍 bug 🐛 "
  + "wrench 🔧 hammer 🔨 gear ⚙️ rewind ⏪ clipboard 📋 no_entry ⛔ no_entry_sign 🚫 octagonal_sign 🛑 zzz 💤 moon 🌙 "
  + "crescent_moon 🌙 sunny ☀️ large_green_circle 🟢 red_circle 🔴 large_red_circle 🔴 large_yellow_circle 🟡 large_orange_circle 🟠 "
  + "large_blue_circle 🔵 white_circle ⚪ black_circle ⚫ link 🔗 rocket 🚀 heart ❤️ smile 😄 slightly_smiling_face 🙂 wave 👋 "
  + "thinking_face 🤔 raised_hands 🙌 pray 🙏 clap 👏 100 💯 boom 💥 zap ⚡ star ⭐ sparkles ✨ question ❓ grey_question ❔ "
  + "exclamation ❗ bulb 💡 memo 📝 pencil ✏️ calendar 📅 date 📅 alarm_clock ⏰ stopwatch ⏱️ chart_with_upwards_trend 📈 "
  + "chart_with_downwards_trend 📉 bar_chart 📊 package 📦 inbox_tray 📥 outbox_tray 📤 file_folder 📁 page_facing_up 📄 "
  + "computer 💻 robot_face 🤖 ghost 👻 skull 💀 key 🔑 shield 🛡️ scales ⚖️ arrow_up ⬆️ arrow_down ⬇️ arrow_right ➡️ "
  + "arrow_left ⬅️ repeat 🔁 arrows_counterclockwise 🔄 information_source ℹ️ ok 🆗 new 🆕 telephone_receiver 📞 email 📧 speech_balloon 💬 "
  + "construction 🚧 ambulance 🚑 coffee ☕ seedling 🌱 ship 🚢 anchor ⚓ dart 🎯 pushpin 📌 paperclip 📎 recycle ♻️ sos 🆘";
const words = PAIRS.split(" ");
export const EMOJI = new Map(words.flatMap((word, index) => (index % 2 ? [] : [[word, words[index + 1]]])));

export const emoji = (text) => text.replace(/:([a-z0-9_+-]+):/g, (all, name) => EMOJI.get(name) || all);
export const emojiNamed = (name) => EMOJI.get(name) || `:${name}:`;
