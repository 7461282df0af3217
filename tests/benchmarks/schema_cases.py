"""What `schema_local` asks: 60 short extractions and 40 classifications, with their right answers."""

from __future__ import annotations

from typing import Any

PERSON = "name: the person's full name, age int: in years, city: where the person lives"
MOOD = "positive|negative|neutral"

_TEMPLATES = (
    "{name}, {age}, has lived in {city} since last spring.",
    "At {age}, {name} still runs every morning along the river in {city}.",
    "The prize went to {name} from {city}, who turned {age} in May.",
    "In {city} we met {name}. She told us that she is {age} years old.",
    "{name} ({age}) teaches chemistry at a school in {city}.",
    "Patient {name}, aged {age}, resident of {city}, was admitted on Monday.",
    "The baker of {city}, {name}, celebrates a birthday today: {age} years.",
    "Born {age} years ago, {name} now works as a nurse in {city}.",
    '"I am {age} and I love {city}", said {name} when the mayor asked.',
    "Witness: {name}. Age: {age}. Home: {city}.",
    "Nobody in {city} sings like {name}, although the tenor is already {age}.",
    "{city} has a new librarian: {name}, {age} years of age.",
)
_PEOPLE = """
Anna Berg 34 Oslo|Tom Hale 52 Leeds|Mei Lin 29 Taipei|Omar Said 41 Cairo|Lucia Rossi 63 Milan|Jan Novak 38 Prague
Sara Cohen 27 Haifa|Paul Weber 70 Bonn|Ines Costa 45 Porto|Ravi Patel 33 Pune|Emma Frost 19 Derby|Luis Vega 58 Lima
Nina Falk 24 Malmo|Karl Gruber 81 Graz|Aiko Mori 36 Kyoto|Peter Bell 47 Perth|Rosa Diaz 55 Quito|Ivan Petrov 62 Sofia
Leila Amari 31 Tunis|Hugo Blanc 28 Lyon|Grace Obi 44 Lagos|Sven Dahl 39 Bergen|Clara Vogt 73 Mainz|Ali Demir 26 Izmir
Ruth Klein 66 Vienna|Noah Reed 22 Boston|Olga Sidor 49 Minsk|Marc Petit 35 Nantes|Yuki Sato 30 Osaka|Dina Haddad 42 Amman
Felix Braun 57 Ulm|Maria Lopez 64 Madrid|Eric Moss 48 Dallas|Hana Kim 25 Busan|Otto Lang 77 Kiel|Zara Khan 37 Lahore
Ben Stone 53 Austin|Elsa Holm 20 Turku|Diego Ruiz 46 Bogota|Petra Kral 59 Brno|Adam West 32 Bristol|Lena Wolf 43 Essen
Samir Nasr 67 Beirut|Julia Roth 40 Basel|Victor Hugo 51 Lille|Nora Quinn 23 Cork|Pablo Gil 69 Sevilla|Tara Singh 54 Delhi
George Papas 61 Athens|Mila Jovic 21 Nis|Simon Drake 50 Exeter|Alice Moreau 65 Nice|Hans Meier 74 Bern|Greta Lund 18 Lund
Kofi Mensah 56 Accra|Sofia Greco 33 Turin|Daniel Ross 60 Toronto|Vera Popov 71 Varna|Liam Burke 28 Galway|Ida Strand 47 Aarhus
"""
_MOODS = {
    "positive": """
I love this kettle, it boils in a minute and looks beautiful.
The best hotel we have ever stayed in. We will come back!
Great service, friendly people and wonderful food.
My daughter is delighted with the bicycle.
Excellent sound, and the battery lasts for days. Very happy.
What a fantastic concert, I enjoyed every song.
The new update made the app fast and pleasant. Well done!
Superb quality for the price, I recommend it warmly.
The doctor was kind and explained everything perfectly.
This book made me laugh and cry, a masterpiece.
Delicious coffee and the nicest staff in town.
It arrived early and works perfectly, thank you!
A marvellous holiday, the children were happy all week.
I am very pleased with these shoes, so comfortable.
""",
    "negative": """
The phone broke after two days and nobody answers my mails.
Terrible food, cold and far too expensive.
I hate the new design, nothing works any more.
The room was dirty and the bed was awful.
Worst film that I have seen in years, a waste of time.
The jacket tore the first time I wore it. Very disappointed.
Rude staff, long queues, never again.
The vacuum cleaner is loud, weak and ugly. I want my money back.
We were cheated by this agency and are furious.
The soup was disgusting and made me ill.
A horrible flight with six hours of delay and no apology.
The instructions are wrong and the parts do not fit. Useless.
This app crashes all the time and lost my data.
I regret buying it, it is a bad product.
""",
    "neutral": """
The parcel contains two cables and a manual.
The shop opens at nine and closes at six.
The train to Hamburg leaves from platform four.
The table is 120 cm long and 60 cm wide.
The meeting was moved from Tuesday to Wednesday.
The museum has three floors and a cafe.
The file is stored in the second folder.
The report has twelve pages and two tables.
Water boils at one hundred degrees at sea level.
The model comes in black, white and grey.
The bus stops in front of the library.
The form must be sent to the office by Friday.
""",
}


def extractions() -> list[tuple[str, dict[str, Any]]]:
    """Return 60 sentences, each with what is in it."""
    found = []
    people = [person for line in _PEOPLE.strip().splitlines() for person in line.split("|")]
    for number, person in enumerate(people):
        first, last, age, city = person.split()
        known = {"name": f"{first} {last}", "age": int(age), "city": city}
        found.append((_TEMPLATES[number % len(_TEMPLATES)].format(**known), known))
    return found


def classifications() -> list[tuple[str, str]]:
    """Return 40 sentences, each with its mood."""
    return [(text, mood) for mood, texts in _MOODS.items() for text in texts.strip().splitlines()]
