/**
 * Where the browsers for the tests are, and how each is started.
 *
 * Playwright's own builds are preferred; Debian's `chromium` and `firefox-esr` serve where those cannot be downloaded.
 * Playwright drives Debian's Firefox over WebDriver BiDi, which wants the channel `moz-firefox`.
 */
import { existsSync } from 'node:fs'
import { chromium, firefox } from 'playwright'

const firstThatExists = (paths) => paths.find((path) => path && existsSync(path))

const ownBuild = (type) => {
  const path = type.executablePath()
  return path && existsSync(path) ? path : undefined
}

/**
 * @returns {{ chromium: object | undefined, firefox: object | undefined }} Playwright launch options, or undefined
 * where the browser is missing.
 */
export function findBrowsers() {
  const system = {
    chromium: firstThatExists([process.env.TABRING_CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome']),
    firefox: firstThatExists([process.env.TABRING_FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox']),
  }
  return {
    chromium: ownBuild(chromium) ? {} : system.chromium && { executablePath: system.chromium },
    firefox: ownBuild(firefox) ? {} : system.firefox && { channel: 'moz-firefox', executablePath: system.firefox },
  }
}

/**
 * Flags that let WebRTC gather addresses where loopback is the only network. Users have none of them, so one job runs
 * without. They need the media permissions too (Chromium), which `contextOptions` grants.
 */
export const chromiumArgs = ['--allow-loopback-in-peer-connection', '--disable-features=WebRtcHideLocalIpsWithMdns']
export const chromiumPermissions = ['camera', 'microphone']
export const firefoxPrefs = {
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'permissions.default.microphone': 1,
  'permissions.default.camera': 1,
}
