"use strict";
// Plays master.m3u8 through hls.js or Shaka Player, or manifest.mpd through dash.js, whichever lies beside this page, else
// natively where the browser can; ?player=hls, shaka, dash (Shaka with manifest.mpd), dashjs or native chooses. Time is that
// of the server, by the Date of its answers.
const video = document.getElementById("video");
const state = document.getElementById("state");
const sound = document.getElementById("sound");
let facts = null, offset = 0, player = null, begun = false, playing = false;

const now = () => Date.now() + offset;
const say = text => { if (state.textContent !== text) state.textContent = text; };

async function readFacts() {
  const asked = Date.now();
  const answer = await fetch("premiere.json", {cache: "no-store"});
  const date = Date.parse(answer.headers.get("Date") || "");
  // Date counts whole seconds: half of one is the best guess.
  if (!Number.isNaN(date)) offset = date + 500 - (asked + Date.now()) / 2;
  if (Math.abs(offset) < 1500) offset = 0;
  facts = await answer.json();
  document.title = document.getElementById("title").textContent = facts.title;
}

function script(name) {
  return new Promise(done => {
    const element = document.createElement("script");
    element.src = name;
    element.onload = () => done(true);
    element.onerror = () => done(false);
    document.head.append(element);
  });
}

async function begin() {
  const wish = new URLSearchParams(location.search).get("player");
  if ((!wish || wish === "hls") && await script("hls.min.js") && window.Hls && Hls.isSupported()) {
    player = new Hls({liveSyncDurationCount: 3, liveMaxLatencyDurationCount: 10, backBufferLength: 60});
    player.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) retry(); });
    player.loadSource("master.m3u8");
    player.attachMedia(video);
    return true;
  }
  if ((!wish || wish === "shaka" || wish === "dash") && await script("shaka-player.compiled.js") && window.shaka && shaka.Player.isBrowserSupported()) {
    player = new shaka.Player();
    await player.attach(video);
    player.addEventListener("error", event => { if (event.detail.severity === 2) retry(); });
    await player.load(wish === "dash" ? "manifest.mpd" : "master.m3u8");
    return true;
  }
  if ((!wish || wish === "dashjs") && await script("dash.all.min.js") && window.dashjs && dashjs.supportsMediaSource()) {
    player = dashjs.MediaPlayer().create();
    player.on(dashjs.MediaPlayer.events.ERROR, retry);
    player.initialize(video, new URL("manifest.mpd", location.href).href, false);
    // It reads the manifest again once it has heard that playing began: not before it listens.
    await new Promise(done => player.on(dashjs.MediaPlayer.events.STREAM_INITIALIZED, done));
    return true;
  }
  if (video.canPlayType("application/vnd.apple.mpegurl")) {
    video.src = "master.m3u8";
    return true;
  }
  say("This browser cannot play the stream by itself, and no player library lies beside this page.");
  return false;
}

// A server that is being restarted, a line that broke: begin anew where everybody is.
let waiting = 0;
function retry() {
  if (waiting) return;
  waiting = setTimeout(async () => {
    waiting = 0;
    try { if (player && player.destroy) await player.destroy(); } catch (error) { /* it is gone either way */ }
    player = null;
    start();
  }, 2000);
}

async function start() {
  try {
    playing = await begin();
    if (playing) { sound.hidden = !video.muted; await video.play().catch(() => {}); }
  } catch (error) { retry(); }
}

function countdown(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map(part => String(part).padStart(2, "0")).join(":");
}

function tick() {
  if (now() < facts.start) say(`Begins in ${countdown(facts.start - now())}`);
  else if (now() < facts.end) say(playing ? "Live premiere" : state.textContent);
  else say(playing ? "The premiere is over; you can watch it from the beginning" : state.textContent);
  if (!begun && now() >= facts.doors) { begun = true; start(); }
}

sound.addEventListener("click", () => { video.muted = false; sound.hidden = true; });
readFacts().then(() => { tick(); setInterval(tick, 250); }, () => say("The premiere cannot be found."));
