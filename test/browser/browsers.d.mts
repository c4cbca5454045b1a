import type { LaunchOptions } from 'playwright'

export declare function findBrowsers(): {
  readonly chromium: LaunchOptions | undefined
  readonly firefox: LaunchOptions | undefined
}
export declare const chromiumArgs: string[]
export declare const chromiumPermissions: string[]
export declare const firefoxPrefs: Record<string, string | number | boolean>
