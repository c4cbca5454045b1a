/**
 * Real data: the 250 countries of `world-countries`, one key each, with their Unicode and nesting.
 */
import countries from 'world-countries/countries.json' with { type: 'json' }

export type Country = (typeof countries)[number]
export const allCountries: readonly (readonly [key: string, country: Country])[] = countries.map((country) => [
  `country:${country.cca3}`,
  country,
])
